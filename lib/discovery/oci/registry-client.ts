/**
 * Reads one repository of a registry: OCI Distribution Specification 1.1 (pull), with the tokens of
 * https://distribution.github.io/distribution/spec/auth/token/ or Basic.
 *
 * Whoever writes a WasmPlugin has the control plane ask an address of their choice, from inside. So it asks by TLS, unless whoever
 * runs it has declared a registry insecure; it never asks the machine itself or a service that hands out credentials, whatever name or
 * redirect leads there; what it reads is bounded; and credentials go to the registry and where it has tokens made, not where a
 * redirect leads.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { apiHost, type ImageReference, isForbiddenHost, repositoryName } from '../../world';
import { type BoundedAnswer, boundedRequest } from '../bounded-request';
import { guardedLookup } from '../guarded-lookup';
import { type Challenge, parseChallenges } from './challenge';
import { ImageError } from './image-error';
import { MANIFEST_TYPES } from './image-manifest';
import type { RegistryCredentials } from './registry-credentials';

export interface RegistryOptions {
  /** Whom to trust for TLS, in PEM. Default: the system's authorities. */
  readonly ca?: string;
  /** How names become addresses. Default: the system's way. */
  readonly lookup?: LookupFunction;
  /** Which addresses are never asked. Default: the machine itself, link-local and metadata services. */
  readonly isForbidden?: (host: string) => boolean;
  /** Registries, `HOST[:PORT]`, that are asked without TLS, wherever they are. Default: none. */
  readonly insecure?: readonly string[];
  readonly signal?: AbortSignal;
}

const DOCUMENT_MILLISECONDS = 10_000;
const BLOB_MILLISECONDS = 60_000;
const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_TOKEN_BYTES = 65_536;
const MAX_REDIRECTS = 3;

interface Wanted {
  readonly path: string;
  readonly accept: string;
  readonly maxBytes: number;
  readonly milliseconds: number;
}

export class RegistryClient {
  /** What the registry has accepted last. */
  private authorization: string | undefined;
  private readonly isInsecure: boolean;

  constructor(
    private readonly reference: ImageReference,
    private readonly credentials: RegistryCredentials | undefined,
    private readonly options: RegistryOptions = {},
  ) {
    this.isInsecure = options.insecure?.includes(reference.registry) ?? false;
  }

  /** By tag or digest; of its bytes the digest is computed here. Undefined: the registry has none. @throws ImageError. */
  async manifest(name: string): Promise<{ bytes: Buffer; digest: string } | undefined> {
    const answer = await this.get({
      path: `manifests/${name}`,
      accept: MANIFEST_TYPES.join(', '),
      maxBytes: MAX_MANIFEST_BYTES,
      milliseconds: DOCUMENT_MILLISECONDS,
    });
    if (!answer) return undefined;
    const digest = digestOf(answer.bytes);
    if (name.startsWith('sha256:') && name !== digest) {
      throw ImageError.verdict(`the registry gives a manifest of another digest, ${digest}, for ${name}`);
    }
    return { bytes: answer.bytes, digest };
  }

  /** @throws ImageError when it is not there, is larger, or is another one. */
  async blob(digest: string, maxBytes: number): Promise<Buffer> {
    const answer = await this.get({
      path: `blobs/${digest}`,
      accept: 'application/octet-stream',
      maxBytes,
      milliseconds: BLOB_MILLISECONDS,
    });
    if (!answer) throw new ImageError(`${repositoryName(this.reference)} has no blob ${digest}`);
    if (digestOf(answer.bytes) !== digest) {
      throw ImageError.verdict(`the registry gives a blob of another digest for ${digest}`);
    }
    return answer.bytes;
  }

  /** Undefined for what the registry says it does not have. */
  private async get(wanted: Wanted): Promise<BoundedAnswer | undefined> {
    const url = new URL(
      `${this.isInsecure ? 'http' : 'https'}://${apiHost(this.reference)}/v2/${this.reference.repository}/${wanted.path}`,
    );
    let answer = await this.ask(url, wanted, this.authorization);
    if (answer.status === 401) {
      this.authorization = await this.authorized(answer);
      if (this.authorization) answer = await this.ask(url, wanted, this.authorization);
    }
    const { status } = answer;
    if (status === 404) return undefined;
    if (status === 200) return answer;
    const name = repositoryName(this.reference);
    if (status === 401 || status === 403) {
      throw new ImageError(
        `${name} may not be read ${this.credentials ? 'with the credentials of the Secret' : 'without credentials; set imagePullSecret'}`,
      );
    }
    throw new ImageError(`${url.host} answers ${status} for ${name}`);
  }

  /** Redirects lead to where a registry keeps its blobs; nobody learns there who asks. */
  private async ask(first: URL, wanted: Wanted, authorization: string | undefined): Promise<BoundedAnswer> {
    let url = first;
    for (let redirects = 0; ; redirects++) {
      const isOwn = url.origin === first.origin;
      const answer = await this.request(url, {
        headers: { accept: wanted.accept, ...(isOwn && authorization && { authorization }) },
        timeoutMilliseconds: wanted.milliseconds,
        maxBytes: wanted.maxBytes,
      });
      if (![301, 302, 303, 307, 308].includes(answer.status)) {
        // What another host asks for, it does not get.
        if (answer.status === 401 && !isOwn)
          throw new ImageError(`${url.host}, where ${first.host} leads, answers 401`);
        return answer;
      }
      if (redirects === MAX_REDIRECTS) throw new ImageError(`${first.host} redirects more than ${MAX_REDIRECTS} times`);
      const location = String(answer.headers['location'] ?? '');
      if (!URL.canParse(location, url.href)) throw new ImageError(`${url.host} redirects to what is no URL`);
      url = new URL(location, url);
    }
  }

  private async request(
    url: URL,
    bounds: { headers: Record<string, string>; timeoutMilliseconds: number; maxBytes: number },
  ): Promise<BoundedAnswer> {
    const { isForbidden = isForbiddenHost, ca, lookup: resolve = lookup, signal } = this.options;
    const isDeclared = this.isInsecure && url.protocol === 'http:' && url.host === this.reference.registry;
    if (url.protocol !== 'https:' && !isDeclared) throw new ImageError(`${url.host} is not asked without TLS`);
    if (!isDeclared && isForbidden(url.hostname)) {
      throw new ImageError(`${url.hostname} is not asked: it is this machine or a metadata service`);
    }
    try {
      return await boundedRequest({
        url,
        ca,
        lookup: isDeclared ? resolve : guardedLookup(resolve, isForbidden),
        signal,
        ...bounds,
      });
    } catch (error) {
      throw new ImageError((error as Error).message);
    }
  }

  /** What to answer to a 401; undefined where there is nothing to answer with. */
  private async authorized({ headers }: BoundedAnswer): Promise<string | undefined> {
    const challenges = parseChallenges(String(headers['www-authenticate'] ?? ''));
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) return `Bearer ${await this.token(bearer)}`;
    const { credentials } = this;
    return credentials && challenges.some(({ scheme }) => scheme === 'basic') ? basic(credentials) : undefined;
  }

  private async token({ parameters: { realm = '', service } }: Challenge): Promise<string> {
    const { registry, repository } = this.reference;
    if (!URL.canParse(realm)) throw new ImageError(`${registry} has tokens made at what is no URL`);
    const url = new URL(realm);
    if (service) url.searchParams.set('service', service);
    // Not what the registry asks for: to read is all that is needed.
    url.searchParams.set('scope', `repository:${repository}:pull`);
    const { status, bytes } = await this.request(url, {
      headers: { accept: 'application/json', ...(this.credentials && { authorization: basic(this.credentials) }) },
      timeoutMilliseconds: DOCUMENT_MILLISECONDS,
      maxBytes: MAX_TOKEN_BYTES,
    });
    if (status === 401 || status === 403) {
      throw new ImageError(`${url.host} gives no token for ${registry}/${repository}: it answers ${status}`);
    }
    const token = status === 200 ? tokenIn(bytes) : undefined;
    if (token === undefined) throw new ImageError(`${url.host} gives no token for ${registry}/${repository}`);
    return token;
  }
}

function tokenIn(bytes: Buffer): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const found = token ?? other;
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function basic({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
