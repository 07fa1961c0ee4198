/** What a plugin is, and whether a value is one that this version of Malha can use. */
import type { CustomRule } from '../galley/custom-rule';
import type { ResourcePatch } from '../pilot/patch/resource-patch';
import type { AuthorizationCheck } from './authorization-check';
import { type Capabilities, capabilityProblems, PARTS, type Part } from './capabilities';
import type { TelemetryTag } from './telemetry-tag';

/** The versions of the plugin API that this version of Malha has. */
export const PLUGIN_API_VERSIONS = ['v1'] as const;

/**
 * A plugin, as its package exports it.
 * @typeParam Host what a construct of it is handed.
 */
export interface PluginDefinition<Host = never> {
  /** The name of its package, by which `--plugin NAME` finds it. */
  readonly name: string;
  /** The version of the plugin API that it was written for. */
  readonly apiVersion: (typeof PLUGIN_API_VERSIONS)[number];
  /** What it is able to do; each part needs the capability of its name, and each capability the part. */
  readonly capabilities: Capabilities;
  /** Declares constructs, once for each mesh that uses it. */
  readonly construct?: (host: Host) => void;
  /** Judges objects at synthesis, on the command line and in the control plane. */
  readonly rules?: readonly CustomRule[];
  /** Changes what the translator made, after all EnvoyFilters. */
  readonly patches?: readonly ResourcePatch[];
  /** Decides about requests in `malha authorizer`. */
  readonly checks?: readonly AuthorizationCheck[];
  /** Tags of the whole mesh's metrics and spans. */
  readonly tags?: readonly TelemetryTag[];
}

/** The same in all copies of this package, since a plugin brings or finds one of its own. */
const BRAND = Symbol.for('malha.dev/plugin');

/** A plugin that `definePlugin` has looked at. */
export type Plugin<Host = never> = PluginDefinition<Host>;

/**
 * Makes a plugin.
 * @throws Error that tells everything that is wrong with it.
 */
export function definePlugin<Host>(definition: PluginDefinition<Host>): Plugin<Host> {
  refuse(nameOf(definition), problemsOf(definition));
  return Object.freeze({ ...definition, [BRAND]: true });
}

/**
 * The plugin that a package exports, as `export default` or `module.exports`.
 * @param name of the package, as the operator has given it.
 * @throws Error when the value is none, or not one for this version of Malha.
 */
export function pluginFrom<Host>(exported: unknown, name: string): Plugin<Host> {
  const value = exportedPlugin(exported);
  if (!value) {
    throw new Error(
      `${name} exports no plugin; export definePlugin({ … }) of malha/plugin as default or module.exports`,
    );
  }
  // Once more, since the other copy of malha that made it may know other versions and capabilities.
  refuse(name, problemsOf(value));
  return value as unknown as Plugin<Host>;
}

function exportedPlugin(exported: unknown): Record<PropertyKey, unknown> | undefined {
  for (const value of [exported, (exported as { default?: unknown } | undefined)?.default]) {
    if (typeof value === 'object' && value !== null && BRAND in value) return value as Record<PropertyKey, unknown>;
  }
  return undefined;
}

function nameOf({ name }: { readonly name?: unknown }): string {
  return typeof name === 'string' && name !== '' ? name : 'a plugin';
}

function refuse(name: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`plugin ${name}: ${problems.join('; ')}`);
}

const PACKAGE_NAME = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const PART_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const FIELDS: readonly string[] = ['name', 'apiVersion', 'capabilities', ...PARTS];

function problemsOf(plugin: object): string[] {
  const given = plugin as Record<string, unknown>;
  const { name, apiVersion, capabilities } = given;
  if (!(PLUGIN_API_VERSIONS as readonly unknown[]).includes(apiVersion)) {
    // Of another version nothing else is understood.
    return [
      `it is written for plugin API ${JSON.stringify(apiVersion)}; this version of Malha has ${PLUGIN_API_VERSIONS.join(', ')}: ` +
        'install a version of the plugin, or of malha, that fits',
    ];
  }
  const declared = capabilityProblems(capabilities);
  return [
    ...(typeof name === 'string' && name.length <= 214 && PACKAGE_NAME.test(name)
      ? []
      : ['name has to be the name of its package']),
    ...Object.keys(given)
      .filter((field) => !FIELDS.includes(field))
      .map((field) => `a plugin has no '${field}'; allowed: ${FIELDS.join(', ')}`),
    ...declared,
    ...(declared.length > 0 ? [] : PARTS.flatMap((part) => partProblems(part, given, capabilities as Capabilities))),
  ];
}

function partProblems(part: Part, given: Record<string, unknown>, capabilities: Capabilities): string[] {
  const value = given[part];
  const isDeclared = capabilities[part] !== undefined;
  if (value === undefined) {
    return isDeclared ? [`it declares the capability ${part} and has no ${part}; leave the capability out`] : [];
  }
  if (!isDeclared) return [`it has ${part} without the capability; declare capabilities.${part}`];
  if (part === 'construct') return typeof value === 'function' ? [] : ['construct has to be a function'];
  if (!Array.isArray(value) || value.length === 0) return [`${part} has to be a list that holds something`];
  return value.flatMap((each, index) => entryProblems(part, each, index, capabilities));
}

function entryProblems(part: Part, entry: unknown, index: number, capabilities: Capabilities): string[] {
  const at = `${part}[${index}]`;
  const { name, check, change, resource } = (entry ?? {}) as Record<string, unknown>;
  if (part === 'tags') {
    return capabilities.tags!.names.includes(name as string)
      ? []
      : [`${at}: the tag ${JSON.stringify(name)} is not among capabilities.tags.names`];
  }
  const problems =
    typeof name === 'string' && PART_NAME.test(name) ? [] : [`${at}.name has to be lower-case-with-dashes`];
  if (part === 'patches') {
    if (!capabilities.patches!.resources.includes(resource as never)) {
      problems.push(`${at}: the resource ${JSON.stringify(resource)} is not among capabilities.patches.resources`);
    }
    if (typeof change !== 'function') problems.push(`${at}.change has to be a function`);
  } else if (typeof check !== 'function') problems.push(`${at}.check has to be a function`);
  return problems;
}
