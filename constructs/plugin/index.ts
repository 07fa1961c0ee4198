/**
 * Plugins: what a package adds to meshes. `definePlugin` makes one; `mesh.use` uses it in a program, `--plugin NAME` on the command
 * line and in the control plane, and a `PluginAuthorizer` runs its checks. docs/plugins.md tells the rest.
 *
 * @packageDocumentation
 */
import type { Construct } from 'constructs';
import { type Plugin as AnyPlugin, definePlugin as define, type PluginDefinition } from '../../lib/plugin';
import type { Mesh } from '../mesh';

/** What the constructs of a plugin are handed. */
export interface PluginHost {
  /** What the plugin declares stands below this. It is in a chart without a namespace: objects name their own. */
  readonly scope: Construct;
  /** The mesh that uses the plugin. */
  readonly mesh: Mesh;
}

/** A plugin, as `definePlugin` makes it. */
export type Plugin = AnyPlugin<PluginHost>;

/**
 * Makes a plugin.
 * @throws Error that tells everything that is wrong: another version of the API, a part without its capability.
 */
export function definePlugin(definition: PluginDefinition<PluginHost>): Plugin {
  return define<PluginHost>(definition);
}

export type { CustomRemark, CustomRule, OtherObjects } from '../../lib/galley/custom-rule';
export type { PatchableResource, PatchedProxy, ResourcePatch } from '../../lib/pilot/patch/resource-patch';
export {
  type Allowed,
  type AuthorizationCheck,
  type AuthorizationRequest,
  allow,
  type Capabilities,
  type Decision,
  type Denied,
  deny,
  PLUGIN_API_VERSIONS,
  type PluginDefinition,
  type TelemetryTag,
} from '../../lib/plugin';
export { PluginAuthorizer, type PluginAuthorizerProps } from './plugin-authorizer';
