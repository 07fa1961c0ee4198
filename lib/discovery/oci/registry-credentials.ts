/**
 * Who a registry is asked as: a Secret of type `kubernetes.io/dockerconfigjson`, read the way the kubelet does
 * (https://kubernetes.io/docs/concepts/containers/images/#config-json).
 */
import type { Secret } from '../../api/kubernetes';
import { type ImageReference, repositoryName } from '../../world';

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

const TYPE = 'kubernetes.io/dockerconfigjson';
const KEY = '.dockerconfigjson';

/** The entry for an image, the most specific first; undefined where there is none. @throws Error when the Secret is none of the type. */
export function credentialsFor(reference: ImageReference, secret: Secret): RegistryCredentials | undefined {
  const text = secret.type === TYPE ? secret.data?.[KEY] : undefined;
  if (typeof text !== 'string') throw new Error(`is of another type than ${TYPE}`);
  return credentialsIn(Buffer.from(text, 'base64').toString(), reference);
}

/** @throws Error that does not repeat what it read. */
export function credentialsIn(json: string, reference: ImageReference): RegistryCredentials | undefined {
  let config: unknown;
  try {
    config = JSON.parse(json);
  } catch {
    throw new Error(`holds no JSON under ${KEY}`);
  }
  const { auths } = (config ?? {}) as { auths?: unknown };
  if (typeof auths !== 'object' || auths === null) throw new Error(`has no auths under ${KEY}`);
  const name = repositoryName(reference);
  const matching = Object.entries(auths)
    .map(([key, entry]) => ({ place: placeOf(key), entry: entry as unknown }))
    .filter(({ place }) => isWithin(name, place))
    .sort((a, b) => b.place.length - a.place.length);
  return matching[0] && credentialsOf(matching[0].entry);
}

/** `https://index.docker.io/v1/` is `index.docker.io`. */
function placeOf(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '')
    .replace(/^docker\.io(?=\/|$)/, 'index.docker.io');
}

/** By whole parts of the path; `*` stands for one label of the host, or a part of one. */
export function isWithin(name: string, place: string): boolean {
  const [host = '', ...path] = place.split('/');
  const [ownHost = '', ...ownPath] = name.split('/');
  return isHost(ownHost, host) && path.length <= ownPath.length && path.every((part, index) => part === ownPath[index]);
}

function isHost(host: string, pattern: string): boolean {
  if (!pattern.includes('*')) return host === pattern;
  const labels = host.split('.');
  const wanted = pattern.split('.');
  return labels.length === wanted.length && wanted.every((each, index) => isLabel(labels[index]!, each));
}

function isLabel(label: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return label === pattern;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return label.length >= before.length + after.length && label.startsWith(before) && label.endsWith(after);
}

function credentialsOf(entry: unknown): RegistryCredentials {
  const { auth, username, password } = (entry ?? {}) as Record<string, unknown>;
  if (typeof username === 'string' && typeof password === 'string') return { username, password };
  const decoded = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : '';
  const colon = decoded.indexOf(':');
  if (colon <= 0) throw new Error('has neither auth nor username and password for the registry');
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
