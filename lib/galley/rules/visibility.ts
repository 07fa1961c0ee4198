/** Who sees an object: `exportTo`; and which gateways routes are for. */
import { shown } from '../schema-check';
import type { Check } from './check';
import { isLabel, problemOfName } from './host';

/** `.`, `*`, `~` or names of namespaces, none twice; `*` and `~` only alone. */
export function checkExportTo(exportTo: readonly string[] | undefined, namespace: string, check: Check): void {
  const seen = new Set<string>();
  check.each(exportTo, (entry, at) => {
    const name = entry === '.' ? namespace : entry;
    if (!['.', '*', '~'].includes(entry) && !isLabel(entry)) {
      at.error(`expected ".", "*", "~" or the name of a namespace, got ${shown(entry)}`);
    } else if (name !== '' && seen.has(name)) {
      at.error(`${shown(entry)} stands twice in exportTo`);
    }
    seen.add(name);
  });
  for (const alone of ['*', '~']) {
    if (seen.has(alone) && (exportTo?.length ?? 0) > 1) {
      check.error(`"${alone}" stands alone in exportTo`, `leave the other entries out, or leave "${alone}" out`);
    }
  }
}

/** `mesh`, `name` or `namespace/name`. */
export function checkGatewayNames(gateways: readonly string[] | undefined, check: Check): void {
  check.each(gateways, (gateway, at) => {
    const slash = gateway.indexOf('/');
    if (slash < 0) {
      checkPlainName(gateway, at);
      return;
    }
    const [namespace, name] = [gateway.slice(0, slash), gateway.slice(slash + 1)];
    if (namespace === '' || name === '' || name.includes('/')) {
      at.error(`a gateway is written as name or namespace/name, got ${shown(gateway)}`);
    } else if (namespace !== '.' && !isLabel(namespace)) {
      at.error(`${shown(namespace)} is not the name of a namespace`);
    } else if (!isLabel(name)) {
      at.error(`${shown(name)} is not the name of a gateway`);
    }
  });
}

function checkPlainName(gateway: string, check: Check): void {
  if (problemOfName(gateway)) {
    check.error(`${shown(gateway)} is not the name of a gateway`);
  } else if (gateway.includes('.')) {
    const [name, namespace] = gateway.split('.');
    check.warning(`${shown(gateway)} is an old way to name a gateway`, `write ${namespace}/${name}`);
  }
}
