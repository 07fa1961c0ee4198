/** `malha inject -f FILE|-` */
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { MeshConfig } from '../../../lib/api';
import { groupOf, type KubeObject, objectName } from '../../../lib/api/object';
import { controlPlaneHost } from '../../../lib/api/revisions';
import { isOfKubernetes } from '../../../lib/api/webhooks';
import { isValid, validate } from '../../../lib/galley';
import { type InjectOptions, injectObject, type ProxyIdentity } from '../../../lib/injector';
import { bootstrapPatchesOf, capturesDns, isMeshConfig, settingsOf, World } from '../../../lib/world';
import type { Context } from '../io';
import { meshConfigOption, readMeshConfig } from '../mesh-files';
import { editStream, readStream } from '../yaml-stream';

interface Options {
  filename: string;
  namespace: string;
  systemNamespace: string;
  controlPlane?: string;
  captureDns?: boolean;
  meshConfig?: string;
  identity: ProxyIdentity;
  revision?: string;
}

export function inject({ io }: Context): Command {
  return new Command('inject')
    .requiredOption('-f, --filename <file>', 'the YAML stream; - is standard input')
    .option('-n, --namespace <name>', 'the namespace of objects that name none', 'default')
    .option('--system-namespace <name>', 'where the control plane is', 'malha-system')
    .option('--revision <name>', 'which control plane it is; default: default')
    .option(
      '--control-plane <host:port>',
      'address of its xDS (default: malha-control-plane[-<revision>].<system namespace>.svc.cluster.local:15010, 15012 with an identity)',
    )
    .addOption(
      new Option('--identity <kind>', 'how proxies prove who they are, by TLS; docs/identity.md tells')
        .choices(['none', 'podCertificate', 'sds'])
        .default('none'),
    )
    .option(
      '--capture-dns',
      'sidecars answer DNS; the control plane needs defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE: "true" (default: as the mesh configuration says)',
    )
    .addOption(meshConfigOption())
    .addHelpText(
      'after',
      `
The whole stream is printed; documents without workloads stay as they are, byte for byte. Injected are Deployments,
StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs, Pods and Lists of them. Left out are pods that have a sidecar or
the host's network, that are labelled sidecar.istio.io/inject: "false", and the namespaces kube-*, the system namespace,
and those that a Namespace of the stream labels istio-injection: disabled. What was injected is told on standard error.
The settings of proxies are those of the mesh configuration, of objects ProxyConfig in the stream, and of annotations; EnvoyFilters in the stream
change bootstraps, where they say BOOTSTRAP.

Examples:
  $ malha inject -f shop.yaml | kubectl apply -f -
  $ helm template shop | malha inject -f - -n shop | kubectl apply -f -
`,
    )
    .action(async (options: Options) => {
      const fromStdin = options.filename === '-';
      const file = fromStdin ? '<stdin>' : options.filename;
      const text = fromStdin ? await io.stdin() : await readFile(options.filename, 'utf8');
      const values = readStream(text, file);
      const excluded = excludedNamespaces(values, options);
      const world = worldOf(values, options, await readMeshConfig(options.meshConfig));
      const settings: InjectOptions = {
        captureDns: options.captureDns ?? capturesDns(world.meshConfig()),
        identity: options.identity,
        controlPlane:
          options.controlPlane ??
          `${controlPlaneHost(options.systemNamespace, options.revision)}:${options.identity === 'none' ? 15010 : 15012}`,
      };
      const told: string[] = [];
      const result = editStream(text, file, (value) =>
        isObject(value) ? injectOne(value, settings, world, excluded, options.namespace, told) : value,
      );
      io.stdout.write(result);
      io.stderr.write(told.length > 0 ? `injected ${told.join(', ')}\n` : `nothing to inject in ${file}\n`);
    });
}

/** Also looks into Lists: their items may be of several namespaces. */
function injectOne(
  object: KubeObject,
  settings: InjectOptions,
  world: World,
  excluded: ReadonlySet<string>,
  defaultNamespace: string,
  told: string[],
): KubeObject {
  if (object.kind === 'List' && Array.isArray(object.items)) {
    const items = object.items.map((item) =>
      isObject(item) ? injectOne(item, settings, world, excluded, defaultNamespace, told) : item,
    );
    return items.some((item, i) => item !== (object.items as unknown[])[i]) ? { ...object, items } : object;
  }
  const namespace = object.metadata.namespace ?? defaultNamespace;
  if (isOfKubernetes(namespace) || excluded.has(namespace)) return object;
  // A template of a Pod does not say whose it is.
  const injected = injectObject(object, {
    ...settings,
    settingsFor: (pod) => settingsOf(world, { ...pod, namespace }),
    bootstrapPatchesFor: (proxy) => bootstrapPatchesOf(world, { ...proxy, namespace }),
  });
  if (injected !== object) told.push(objectName(object));
  return injected;
}

/**
 * All that settings of proxies come from.
 * @throws when an object ProxyConfig or EnvoyFilter has errors: a Pod without what somebody wanted of it should not come about.
 */
function worldOf(values: readonly unknown[], options: Options, meshConfig?: MeshConfig): World {
  const objects = values
    .filter(isObject)
    .flatMap((object) => (object.kind === 'List' ? ((object.items ?? []) as unknown[]).filter(isObject) : [object]))
    .filter(isSetting)
    .map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: object.metadata.namespace ?? options.namespace },
    }));
  for (const object of objects) {
    if (isValid(object)) continue;
    const [error] = validate(object).filter(({ level }) => level === 'error');
    throw new Error(`${objectName(object)}: ${error?.message}`);
  }
  const isSaid = meshConfig?.rootNamespace !== undefined || objects.some(({ kind }) => kind === 'ConfigMap');
  return World.of(objects, { meshConfig, ...(!isSaid && { rootNamespace: options.systemNamespace }) });
}

function isSetting(object: KubeObject): boolean {
  const group = groupOf(object);
  return (
    (['ProxyConfig', 'EnvoyFilter'].includes(object.kind) && group === 'networking.istio.io') ||
    (object.kind === 'ConfigMap' && group === '' && isMeshConfig(object))
  );
}

function excludedNamespaces(values: readonly unknown[], options: Options): Set<string> {
  const disabled = values
    .filter(isObject)
    .filter(({ kind, metadata }) => kind === 'Namespace' && metadata.labels?.['istio-injection'] === 'disabled')
    .map(({ metadata }) => metadata.name);
  return new Set([options.systemNamespace, ...disabled]);
}

/** A List has no name; everything else that is a Kubernetes object has. */
function isObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, metadata } = value as Partial<KubeObject>;
  return kind === 'List' || (typeof kind === 'string' && typeof metadata === 'object' && metadata !== null);
}
