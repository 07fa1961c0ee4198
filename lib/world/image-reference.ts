/**
 * What an image is called: `registry.example.com:5000/filters/auth:v1@sha256:…`. The grammar is that of
 * https://github.com/distribution/reference, with the names that Docker Hub leaves out; digests are sha256.
 */
export interface ImageReference {
  /** Host, and port where one is given. Of Docker Hub `index.docker.io`, as credentials and signatures call it. */
  readonly registry: string;
  readonly repository: string;
  /** Of both, the digest decides. */
  readonly tag?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
}

const DOCKER_HUB = 'index.docker.io';
const DOCKER_HUB_API = 'registry-1.docker.io';
const MAX_LENGTH = 1024;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?$/;

export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[a-f0-9]{64}$/.test(text);
}

/** @param url with or without `oci://`. @throws Error that says what is wrong with it. */
export function parseReference(url: string): ImageReference {
  const wrong = (what: string) =>
    new Error(`'${url.slice(0, 200)}' names no image: ${what}; write oci://REGISTRY/REPOSITORY@sha256:DIGEST`);
  if (url.length > MAX_LENGTH) throw wrong(`it is longer than ${MAX_LENGTH} characters`);
  const text = url.replace(/^oci:\/\//i, '');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw wrong('its digest is not sha256: and 64 hexadecimal digits');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw wrong('its tag has other characters than letters, digits and ._-');
  const path = hasTag ? named.slice(0, colon) : named;
  const slash = path.indexOf('/');
  const first = path.slice(0, Math.max(slash, 0)).toLowerCase();
  const hasHost = /[.:]/.test(first) || first === 'localhost';
  const registry = hasHost && first !== 'docker.io' ? first : DOCKER_HUB;
  const rest = hasHost ? path.slice(slash + 1) : path;
  const repository = registry === DOCKER_HUB && !rest.includes('/') ? `library/${rest}` : rest;
  if (!HOST.test(registry) || !URL.canParse(`https://${registry}`)) throw wrong('its registry is no host');
  if (repository.length > 255 || !isRepository(repository))
    throw wrong('its repository has other characters than a-z0-9._-/');
  return { registry, repository, ...(digest ? { digest, ...(tag && { tag }) } : { tag: tag ?? 'latest' }) };
}

/** `registry/repository`, as signatures and rules call it. */
export function repositoryName({ registry, repository }: ImageReference): string {
  return `${registry}/${repository}`;
}

/** The host whose API is asked. */
export function apiHost({ registry }: ImageReference): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_API : registry;
}

const isRepository = (text: string) => text.split('/').every((part) => COMPONENT.test(part));
