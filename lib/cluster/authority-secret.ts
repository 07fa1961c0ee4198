/**
 * An authority kept in a Secret, which only the control plane may read. Every save says which version it replaces; what another
 * replica or an operator writes is seen by a watch.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../api/object';
import { meshLabel } from '../api/ownership';
import type { Kept, Storage } from '../citadel/storage';
import { KubeApiError, type KubeClient } from '../discovery/kubernetes';
import { Reflector } from '../discovery/kubernetes/reflector';
import { systemClock } from '../discovery/kubernetes/watch';

/** What was made here. */
export const AUTHORITY_SECRET = 'malha-ca-secret';
/** What an operator plugs in; the name is Istio's, and so are those of its keys. It goes before the other one. */
export const PLUGGED_SECRET = 'cacerts';

const TYPE = 'malha.dev/authority';

type Secret = KubeObject & { data?: Record<string, string>; type?: string };

export interface AuthoritySecretOptions {
  readonly api: Pick<KubeClient, 'request' | 'get' | 'watch'>;
  /** The control plane's. */
  readonly namespace: string;
  /** Told what keeps it from being watched, such as a right that is missing. */
  readonly onTrouble?: (trouble: string) => void;
}

export function authoritySecret({ api, namespace, onTrouble }: AuthoritySecretOptions): Storage {
  const folder = `/api/v1/namespaces/${namespace}/secrets`;
  const read = async (name: string): Promise<Kept | undefined> => {
    const secret = await api.request<Secret>('GET', `${folder}/${name}`).catch(unlessMissing);
    const files = secret && filesOf(secret);
    // An empty one was made by hand, to be filled; it is no authority yet, and nothing is saved over it.
    if (!files || Object.keys(files).length === 0) return undefined;
    return { version: `${name}/${secret.metadata.uid}/${secret.metadata.resourceVersion}`, files };
  };
  return {
    async load() {
      const [plugged, own] = [await read(PLUGGED_SECRET), await read(AUTHORITY_SECRET)];
      return plugged ? { ...plugged, own } : own;
    },
    async save(files, before) {
      const [name, uid, resourceVersion] = before?.split('/') ?? [AUTHORITY_SECRET];
      if (name !== AUTHORITY_SECRET) throw new Error(`Secret ${namespace}/${name} is its owner's: it is never written`);
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, uid, resourceVersion, labels: meshLabel(namespace) },
        type: TYPE,
        data: Object.fromEntries(Object.entries(files).map(([key, text]) => [key, toBase64(text)])),
      };
      try {
        const path = before === undefined ? folder : `${folder}/${name}`;
        const saved = await api.request<Secret>(before === undefined ? 'POST' : 'PUT', path, { body });
        return { version: `${name}/${saved.metadata.uid}/${saved.metadata.resourceVersion}`, files };
      } catch (error) {
        // Another replica was first, or somebody has deleted it: what is there has to be loaded.
        if (error instanceof KubeApiError && (error.isConflict || error.isNotFound)) return undefined;
        throw error;
      }
    },
    watch(onChange) {
      const reflectors = [PLUGGED_SECRET, AUTHORITY_SECRET].map((name) => {
        const resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespace, name, keep: digest };
        return new Reflector({
          api,
          resource,
          onChange,
          onTrouble: (trouble) => trouble !== undefined && onTrouble?.(trouble),
          isSameCluster: async () => true,
          clock: systemClock,
          optional: true,
        });
      });
      for (const reflector of reflectors) reflector.start();
      return () => {
        for (const reflector of reflectors) reflector.stop();
      };
    },
  };
}

/** That it is another one is all that a watch has to remember: keys stay out of it. */
function digest({ data, ...object }: KubeObject): KubeObject {
  return {
    ...object,
    data: createHash('sha256')
      .update(JSON.stringify(data ?? {}))
      .digest('hex'),
  };
}

function filesOf({ data = {} }: Secret): Record<string, string> {
  const files = Object.entries(data).filter(([name]) => /\.(pem|json)$/.test(name));
  return Object.fromEntries(files.map(([name, text]) => [name, Buffer.from(text, 'base64').toString('utf8')]));
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof KubeApiError && error.isNotFound) return undefined;
  throw error;
}

const toBase64 = (text: string) => Buffer.from(text).toString('base64');
