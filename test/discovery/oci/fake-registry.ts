/** A registry as the OCI Distribution Specification describes it, by TLS on this machine; what it answers can be changed. */
import { createHash, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createPlainServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { Authority } from '../../../lib/citadel/authority';
import type { RegistryOptions } from '../../../lib/discovery/oci';
import { leadsTo } from '../openid/issuer-server';

export const HOST = 'registry.example.com';

export const MODULE_LAYER = 'application/vnd.module.wasm.content.layer.v1+wasm';
export const OCI_ARCHIVE = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const DOCKER_ARCHIVE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface SignedPayload {
  critical: { identity: object; image: object; type: string };
  optional: unknown;
}

type Guard = { readonly kind: 'bearer' | 'basic'; readonly user: string; readonly password: string };

export class FakeRegistry {
  /** What was asked for: `GET /v2/…`, with `by …` where somebody said who asks. */
  readonly asked: string[] = [];
  /** By repository. */
  readonly guards = new Map<string, Guard>();
  /** Tokens are for whoever asks for one. */
  isOpen = false;
  /** What there is at the host elsewhere.example.com, or the status that it answers. */
  elsewhere: Buffer | number = 404;
  /** Answers in place of the registry; true: it did. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  private readonly manifests = new Map<string, Buffer>();
  private readonly blobs = new Map<string, Buffer>();
  private readonly signatures = new Map<string, Layer[]>();
  private readonly tokens = new Map<string, string>();
  private server!: Server;
  private caPem!: string;

  async start({ isPlain = false } = {}): Promise<this> {
    const authority = await Authority.selfSigned({ name: 'registry', clock: () => new Date() });
    const { certPem: cert, keyPem: key } = await authority.issue({ hosts: [HOST, 'elsewhere.example.com'] });
    this.caPem = authority.certPem;
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      const who = request.headers.authorization?.split(' ')[0];
      this.asked.push(
        `${request.method} ${request.headers.host!.split(':')[0]}${request.url}${who ? ` by ${who}` : ''}`,
      );
      if (this.answer(request, response)) return;
      if (request.headers.host!.startsWith('elsewhere')) this.serveElsewhere(response);
      else this.serve(request, response);
    };
    this.server = isPlain ? createPlainServer(listener) : createServer({ cert, key }, listener);
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get name(): string {
    return `${HOST}:${this.port}`;
  }

  /** Leads to this server, of which it is forgotten that it is on this machine. */
  get options(): RegistryOptions {
    return { ca: this.caPem, lookup: leadsTo('127.0.0.1'), isForbidden: () => false };
  }

  /** Stores an image, under its tag where it has one. Returns the digest of its manifest. */
  push(repository: string, tag: string | undefined, ...layers: readonly Layer[]): string {
    const descriptors = layers.map(({ mediaType, bytes, annotations }) => {
      const digest = digestOf(bytes);
      this.blobs.set(`${repository}@${digest}`, bytes);
      return { mediaType, digest, size: bytes.length, ...(annotations && { annotations }) };
    });
    return this.pushManifest(repository, tag, { schemaVersion: 2, mediaType: MANIFEST, layers: descriptors });
  }

  /** Signs a digest as `cosign sign --key` does, beside the signatures that there are. */
  sign(
    repository: string,
    digest: string,
    key: KeyObject,
    change: (payload: SignedPayload) => object = (same) => same,
  ): void {
    const payload = Buffer.from(
      JSON.stringify(
        change({
          critical: {
            identity: { 'docker-reference': `${this.name}/${repository}` },
            image: { 'docker-manifest-digest': digest },
            type: 'cosign container image signature',
          },
          optional: null,
        }),
      ),
    );
    const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key).toString('base64');
    this.attach(repository, digest, payload, signature);
  }

  attach(repository: string, digest: string, payload: Buffer, signature: string): void {
    const layers = this.signatures.get(`${repository}@${digest}`) ?? [];
    layers.push({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      bytes: payload,
      annotations: { 'dev.cosignproject.cosign/signature': signature },
    });
    this.signatures.set(`${repository}@${digest}`, layers);
    this.push(repository, `${digest.replace(':', '-')}.sig`, ...layers);
  }

  pushManifest(repository: string, tag: string | undefined, manifest: object): string {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes);
    for (const name of [digest, tag]) if (name) this.manifests.set(`${repository}:${name}`, bytes);
    return digest;
  }

  private serve({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'https://x');
    const end = (status: number, body: Buffer | string = '', more: Record<string, string> = {}) =>
      response.writeHead(status, more).end(body);
    if (pathname === '/token') {
      const [, repository = '', actions] = searchParams.get('scope')?.split(':') ?? [];
      if (!this.isGuardedBy(repository, headers.authorization) || actions !== 'pull') return void end(401);
      const token = randomUUID();
      this.tokens.set(token, repository);
      return void end(200, JSON.stringify({ token }));
    }
    const [, repository = '', kind, name = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    const guard = this.guards.get(repository);
    if (guard && !this.isAllowed(repository, guard, headers.authorization)) {
      const realm = `https://${this.name}/token`;
      const challenge =
        guard.kind === 'basic' ? 'Basic realm="registry"' : `Bearer realm="${realm}",service="registry"`;
      return void end(401, '', { 'www-authenticate': challenge });
    }
    const found =
      kind === 'blobs' ? this.blobs.get(`${repository}@${name}`) : this.manifests.get(`${repository}:${name}`);
    found ? end(200, found) : end(404, JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN' }] }));
  }

  private serveElsewhere(response: ServerResponse): void {
    const { elsewhere } = this;
    if (typeof elsewhere !== 'number') response.end(elsewhere);
    else response.writeHead(elsewhere, { 'www-authenticate': 'Basic realm="elsewhere"' }).end();
  }

  private isAllowed(repository: string, { kind }: Guard, authorization = ''): boolean {
    if (kind === 'basic') return this.isGuardedBy(repository, authorization);
    return this.tokens.get(authorization.replace(/^Bearer /, '')) === repository;
  }

  private isGuardedBy(repository: string, authorization = ''): boolean {
    if (this.isOpen) return true;
    const guard = this.guards.get(repository);
    const wanted = guard && `Basic ${Buffer.from(`${guard.user}:${guard.password}`).toString('base64')}`;
    return wanted === undefined || authorization === wanted;
  }
}

/** The module in a layer of its own. */
export const asArtifact = (bytes: Buffer): Layer => ({ mediaType: MODULE_LAYER, bytes });

/** The module as a file of an archive, as `docker build` makes it. */
export async function asArchive(
  bytes: Buffer,
  { mediaType = DOCKER_ARCHIVE, file = 'plugin.wasm' } = {},
): Promise<Layer> {
  const archive = pack();
  archive.entry({ name: 'etc/', type: 'directory' });
  archive.entry({ name: 'runtime-config.json' }, '{}');
  archive.entry({ name: file }, bytes);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return { mediaType, bytes: gzipSync(Buffer.concat(chunks)) };
}

/** The Secret with which Kubernetes pulls images, too. */
export function pullSecret(name: string, namespace: string, registry: string, user: string, password: string) {
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [registry]: { auth } } });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  };
}
