/**
 * Whether a workload takes plain traffic, mutual TLS or both, port by port: what PeerAuthentications say.
 * https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
import type { PeerAuthentication } from '../api';
import { type Labels, selects } from './labels';
import { partsOf, table } from './reads';
import type { World } from './world';

/** `DISABLE`: plain only. `PERMISSIVE`: both. `STRICT`: mutual TLS only. */
export type MutualTlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface MutualTls {
  /** Equal keys mean the same. */
  readonly key: string;
  /** For every port that `ports` does not name. */
  readonly mode: MutualTlsMode;
  /** By port of the workload. */
  readonly ports: ReadonlyMap<number, MutualTlsMode>;
}

const DEFAULT_MODE = 'PERMISSIVE';
const none: readonly PeerAuthentication[] = Object.freeze([]);

/**
 * By namespace and labels (as JSON) of a workload: the key of its `MutualTls`. The policy of the workload goes before
 * that of its namespace, that before the mesh's; UNSET means what the next one says. Of several with one reach, the
 * oldest counts. A policy of the root namespace with a selector is for workloads of all namespaces that have none of
 * their own.
 */
export const mutualTlsTable = table<string>('mutual tls', (world, key) => {
  const policies = policiesOf(world, key);
  const workload = policies.find(hasSelector);
  const mode = policies.map(modeOf).find((each) => each !== undefined) ?? DEFAULT_MODE;
  const ports = Object.entries(workload?.spec?.portLevelMtls ?? {})
    .map(([port, settings]): [number, MutualTlsMode] => [Number(port), setMode(settings?.mode) ?? mode])
    .filter(([, each]) => each !== mode)
    .sort(([a], [b]) => a - b);
  return [mode, ...ports.map(([port, each]) => `${port}=${each}`)].join(',');
});

/** By namespace and labels (as JSON) of a workload: the policies that speak for it, the most particular first. */
export const peerAuthenticationsTable = table<readonly PeerAuthentication[]>('peer authentications', policiesOf);

function policiesOf(world: World, key: string): readonly PeerAuthentication[] {
  const [namespace, json] = partsOf(key, 2);
  const labels = JSON.parse(json) as Labels;
  const all = world.inventory.peerAuthentications;
  const own = all.get(namespace) ?? none;
  const root = all.get(world.mesh.rootNamespace) ?? none;
  const selecting = (policies: readonly PeerAuthentication[]) =>
    policies.find((policy) => hasSelector(policy) && selects(policy.spec?.selector?.matchLabels, labels));
  const wide = (policies: readonly PeerAuthentication[]) => policies.find((policy) => !hasSelector(policy));
  return [selecting(own) ?? selecting(root), wide(own), wide(root)].filter((policy) => policy !== undefined);
}

/** Of the policies that speak for a workload: the field that says what one of its ports takes. Undefined where none says anything. */
export function modeField(
  policies: readonly PeerAuthentication[],
  port: number,
): { readonly policy: PeerAuthentication; readonly path: string } | undefined {
  for (const policy of policies) {
    const level = hasSelector(policy) ? policy.spec?.portLevelMtls?.[String(port)] : undefined;
    if (setMode(level?.mode)) return { policy, path: `spec.portLevelMtls[${port}].mode` };
    if (modeOf(policy)) return { policy, path: 'spec.mtls.mode' };
  }
  return undefined;
}

/** Whether any workload may be told to take plain traffic only. Most meshes have none, and need not ask for each one. */
export const plainWorkloadsTable = table<boolean>('plain workloads', (world) =>
  [...world.inventory.peerAuthentications.values()].some((policies) =>
    policies.some(({ spec }) =>
      [spec?.mtls, ...Object.values(spec?.portLevelMtls ?? {})].some((settings) => settings?.mode === 'DISABLE'),
    ),
  ),
);

function hasSelector({ spec }: PeerAuthentication): boolean {
  return Object.keys(spec?.selector?.matchLabels ?? {}).length > 0;
}

function modeOf(policy: PeerAuthentication | undefined): MutualTlsMode | undefined {
  return setMode(policy?.spec?.mtls?.mode);
}

function setMode(mode: string | undefined): MutualTlsMode | undefined {
  return mode === 'DISABLE' || mode === 'PERMISSIVE' || mode === 'STRICT' ? mode : undefined;
}

const read = new Map<string, MutualTls>();

/** What a key of the table means. */
export function mutualTlsOf(key: string): MutualTls {
  let known = read.get(key);
  if (!known) {
    const [mode, ...ports] = key.split(',') as [MutualTlsMode, ...string[]];
    const entries = ports.map((each) => each.split('=') as [string, MutualTlsMode]);
    known = { key, mode, ports: new Map(entries.map(([port, each]) => [Number(port), each])) };
    if (read.size >= KEPT) read.clear();
    read.set(key, known);
  }
  return known;
}

const KEPT = 1000;

/** What a port of the workload takes. */
export function modeAt({ mode, ports }: MutualTls, port: number): MutualTlsMode {
  return ports.get(port) ?? mode;
}
