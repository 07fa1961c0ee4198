/** The rules of WasmPlugin and TrafficExtension. */
import type { TrafficExtensionSpec, WasmConfig } from '../../api/extensions/traffic-extension';
import type { WasmTrafficSelector } from '../../api/extensions/wasm';
import type { WasmPluginSpec } from '../../api/extensions/wasm-plugin';
import { isForbiddenHost, isImageUrl, parseReference } from '../../world';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkSelector, checkTargets } from './labels';

export function checkWasmPlugin(spec: WasmPluginSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  checkTargets(spec, check);
  checkModule(spec, check);
  checkTraffic(spec.match, check.at('match'));
}

export function checkTrafficExtension(spec: TrafficExtensionSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  checkTargets(spec, check);
  if (!spec.wasm && !spec.lua) {
    check.error('an extension has one of wasm, lua, got none');
  }
  if (spec.wasm) {
    checkModule(spec.wasm, check.at('wasm'));
  }
  checkTraffic(spec.match, check.at('match'));
  check.at('match').each(spec.match, (selector, at) => {
    if (Object.keys(selector).length === 0) {
      at.error('a match has a mode or ports, got none', 'leave match out to see all traffic');
    }
  });
}

/** What there is for a module that is not to be had. */
const INSTEAD = 'all requests are refused, with failStrategy FAIL_OPEN none';

const SCHEMES = ['oci', 'http', 'https', 'file'];

function checkModule(module: WasmConfig, check: Check): void {
  const problem = problemOfUrl(module.url);
  if (problem) {
    check.at('url').error(problem);
  } else if (isForbidden(module.url)) {
    check
      .at('url')
      .error(
        `no proxy fetches a module from ${shown(module.url)}: the machine itself and metadata services are not asked`,
        'put the module where all proxies reach it',
      );
  } else if (!isImageUrl(module.url) && !module.url.toLowerCase().startsWith('file:') && !module.sha256) {
    check
      .at('sha256')
      .unserved(`a module that comes over HTTP is served only with its sha256: in its place ${INSTEAD}`);
  }
  const names = new Set<string>();
  check.at('vmConfig', 'env').each(module.vmConfig?.env, (variable, at) => {
    if (names.has(variable.name)) {
      at.at('name').error(`the variable ${shown(variable.name)} stands twice`);
    }
    names.add(variable.name);
    if (variable.valueFrom === 'HOST' && variable.value !== undefined && variable.value !== '') {
      at.at('value').error(
        'value has no place beside valueFrom: HOST, which takes it from the proxy',
        'leave value out',
      );
    }
  });
}

function isForbidden(text: string): boolean {
  if (/^file:/i.test(text)) return false;
  if (isImageUrl(text)) return isForbiddenHost(new URL(`http://${parseReference(text).registry}`).hostname);
  return isForbiddenHost(new URL(`http://${text.replace(/^[a-zA-Z]+:\/\//, '')}`).hostname);
}

/** `scheme://…` with one of the schemes, or an image without a scheme: `registry.example.com:5000/filter:v1`. */
function problemOfUrl(text: string): string | undefined {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && !SCHEMES.includes(scheme)) {
    return `expected a URL with one of the schemes ${SCHEMES.join(', ')}, got ${shown(text)}`;
  }
  if (isImageUrl(text)) {
    try {
      parseReference(text);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
  return URL.canParse(scheme ? text : `http://${text}`) ? undefined : `${shown(text)} is not a URL`;
}

function checkTraffic(match: readonly WasmTrafficSelector[] | undefined, check: Check): void {
  check.each(match, (selector, at) => {
    const numbers = new Set<number>();
    at.at('ports').each(selector.ports, ({ number }, place) => {
      if (numbers.has(number)) {
        place.at('number').error(`the port ${number} stands twice`);
      }
      numbers.add(number);
    });
  });
}
