/** A WebAssembly filter in the proxies of a service. */
import { ApiObject } from 'cdk8s';
import { Role, RoleBinding, Secret } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { apiVersionOf, WasmPlugin } from '../lib/api';
import { meshLabel } from '../lib/api/ownership';
import type { MeshService } from './mesh-service';
import type { Wasm } from './wasm';

/** Which module runs where. */
export interface WasmFilterProps {
  /** Whose proxies run it, for the requests that come to them. */
  readonly service: MeshService<string>;
  /** The module. */
  readonly module: Wasm;
  /** Before which checks of the mesh it sees a request: before tokens are looked at, before policies are, or after all of them. Default: after. */
  readonly before?: 'authentication' | 'authorization';
  /** What the module gets as its configuration. Default: nothing. */
  readonly config?: Readonly<Record<string, unknown>>;
  /**
   * What becomes of requests while there is no module, and of those in which it fails: they are refused, pass, or are refused until the
   * proxy has loaded it anew. Default: they are refused.
   */
  readonly whenFailing?: 'refuse' | 'pass' | 'reload';
  /** Filters of one place with a larger number come first. Default 0. */
  readonly priority?: number;
}

const PHASES = { authentication: 'AUTHN', authorization: 'AUTHZ' } as const;
const STRATEGIES = { refuse: 'FAIL_CLOSE', pass: 'FAIL_OPEN', reload: 'FAIL_RELOAD' } as const;

/** Runs a module in the proxies of a service, written out as a WasmPlugin. With a pull secret, lets the control plane read that one Secret. */
export class WasmFilter extends Construct {
  constructor(scope: Construct, id: string, props: WasmFilterProps) {
    super(scope, id);
    const { service, module, before, config, whenFailing = 'refuse', priority } = props;
    const { name, namespace } = service;
    const metadata = { name: `${name}-${id.toLowerCase()}`, namespace };
    new ApiObject(this, 'WasmPlugin', {
      apiVersion: apiVersionOf(WasmPlugin),
      kind: WasmPlugin.kind,
      metadata,
      spec: {
        selector: { matchLabels: { ...service.podLabels } },
        match: [{ mode: 'SERVER' }],
        ...module.source,
        ...(before && { phase: PHASES[before] }),
        ...(priority !== undefined && { priority }),
        ...(config && { pluginConfig: config }),
        // Written out, so that whoever reads the object need not know the default.
        failStrategy: STRATEGIES[whenFailing],
      },
    });
    const { imagePullSecret } = module.source;
    if (!imagePullSecret) return;
    const labelled = { ...metadata, name: `${metadata.name}-image`, labels: meshLabel(service.mesh.namespace) };
    const role = new Role(this, 'Role', { metadata: labelled });
    role.allowRead(Secret.fromSecretName(this, 'pull-secret', imagePullSecret));
    service.mesh.revisions.bind(new RoleBinding(this, 'RoleBinding', { metadata: labelled, role }));
  }
}
