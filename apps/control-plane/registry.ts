/** Where the control plane's objects come from: files, or a Kubernetes API server. */
import { existsSync } from 'node:fs';
import type { KubeObject } from '../../lib/api/object';
import { type FileWatch, watchFiles } from '../../lib/discovery/files';
import { type ClientOptions, ClusterWatch, KubeClient, type ResourceStatus } from '../../lib/discovery/kubernetes';
import type { Standing } from '../../lib/discovery/kubernetes/resource';
import type { Finding } from '../../lib/galley';
import { podsHere } from '../../lib/local/pods-here';
import { type AddressRanges, complete, namesOfRevision, selectRevision } from '../../lib/world';
import type { Logger } from '../../lib/xds/source';

export type RegistryOptions = FilesOptions | KubernetesOptions;

export interface FilesOptions {
  readonly kind: 'files';
  /** Files and folders that hold the objects; they are watched. */
  readonly files: readonly string[];
  /** From where addresses are taken that the files do not give. */
  readonly ranges?: AddressRanges;
  /** Pods are those of a mesh on this machine. Default: as the files say. */
  readonly localPods?: boolean;
}

export interface KubernetesOptions extends ClientOptions {
  readonly kind: 'kubernetes';
  /** Where the mesh configuration is. Default: the namespace of the Pod in which this runs, else `malha-system`. */
  readonly rootNamespace?: string;
  /** Which control plane of the mesh this is. Default: `default`. */
  readonly revision?: string;
}

export interface Registry {
  /** Adds what the registry does not hold itself. */
  readonly complete?: (objects: readonly KubeObject[]) => KubeObject[];
  readonly rootNamespace?: string;
  /** Requests to the API server, where there is one. */
  readonly client?: KubeClient;
  /** What stands on the API server beside objects, where there is one. */
  readonly standings?: Standings;
  /** The names by which this revision is asked for: its own first, then its tags. None where objects are all read. */
  readonly names?: () => ReadonlySet<string>;
  /** Tells of all objects that this revision goes by, now and after each change. Resolves when they have been told once. */
  watch(onObjects: (objects: KubeObject[], findings?: Finding[]) => void): Promise<void>;
  status(): readonly ResourceStatus[];
  close(): Promise<void>;
}

export interface Standings {
  of(object: KubeObject): Standing | undefined;
  /** Calls `onChange` when one has changed and its object has not; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

/** @throws when there is nothing at a path, or no API server is named. */
export async function openRegistry(options: RegistryOptions, log: Logger): Promise<Registry> {
  return options.kind === 'files' ? fileRegistry(options) : kubernetesRegistry(options, log);
}

function fileRegistry({ files, ranges, localPods }: FilesOptions): Registry {
  for (const path of files) {
    if (!existsSync(path))
      throw new Error(`there is no file or folder '${path}'; name one that holds the mesh's objects`);
  }
  let watch: FileWatch | undefined;
  return {
    complete(objects) {
      const all = complete(objects, ranges);
      return localPods ? podsHere(all) : all;
    },
    async watch(onObjects) {
      watch = await watchFiles(files, ({ objects, findings }) => onObjects(objects, findings));
    },
    status: () => [],
    close: async () => watch?.close(),
  };
}

async function kubernetesRegistry(options: KubernetesOptions, log: Logger): Promise<Registry> {
  const client = await KubeClient.load(options);
  const rootNamespace = options.rootNamespace ?? client.podNamespace ?? 'malha-system';
  const { revision } = options;
  let names: ReadonlySet<string> = namesOfRevision([], { namespace: rootNamespace, revision });
  let watch: ClusterWatch | undefined;
  const listeners = new Set<() => void>();
  let closed: () => void = () => undefined;
  const untilClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  return {
    rootNamespace,
    client,
    names: () => names,
    standings: {
      of: (object) => watch?.standing(object),
      subscribe(onChange) {
        listeners.add(onChange);
        return () => listeners.delete(onChange);
      },
    },
    async watch(onObjects) {
      log.info({ server: client.server, rootNamespace }, 'reading the cluster');
      watch = new ClusterWatch({
        api: client,
        rootNamespace,
        revision,
        onChange(objects) {
          names = namesOfRevision(objects, { namespace: rootNamespace, revision });
          onObjects(selectRevision(objects, names));
        },
        onStanding() {
          for (const onChange of listeners) onChange();
        },
        onTrouble(resource, trouble) {
          if (trouble === undefined) log.info({ resource }, 'read again');
          else log.warn({ resource, error: trouble }, 'cannot be read; what was read before stays in force');
        },
      });
      await Promise.race([watch.whole, untilClosed]);
    },
    status: () => watch?.status() ?? [],
    async close() {
      watch?.close();
      closed();
      client.close();
    },
  };
}
