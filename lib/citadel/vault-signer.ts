/**
 * Vault's PKI secrets engine as the signer (https://developer.hashicorp.com/vault/api-docs/secret/pki, "Sign certificate"):
 * POST /v1/MOUNT/sign/ROLE with the request and its one URI name. The role has to have `allowed_uri_sans`, `use_csr_sans=false`
 * and `require_cn=false`. Whatever comes back is checked before it is handed on: an external authority may err as well.
 */
import { X509Certificate } from 'node:crypto';
import { type RequestOptions, request } from 'node:https';
import { formatIdentity } from '../world';
import { type Clock, systemClock } from './clock';
import { blocks, pem } from './der';
import { PeerCertificateError, verifyPeer } from './peer-certificate';
import { BACKDATE_SECONDS } from './renewal';
import { type Expiry, type RotatingSigner, type SignedCertificate, SignerError, type SigningRequest } from './signer';

export interface VaultSignerOptions {
  /** `https://vault.example:8200`; nothing but https is spoken. */
  readonly address: string;
  /** Where the engine is mounted: `pki`, `team/pki`. */
  readonly mount: string;
  readonly role: string;
  /** Read anew for each request, since tokens are renewed. */
  readonly token: () => string | Promise<string>;
  /** Whom to trust for TLS, in PEM. Default: the system's authorities. */
  readonly caPem?: string;
  /** Vault's enterprise namespace. */
  readonly namespace?: string;
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** How long Vault may take, in milliseconds. Default 5,000. */
  readonly timeoutMilliseconds?: number;
}

/** A certificate with its chain has a few kB. */
const MAX_ANSWER_BYTES = 262_144;
/** Segments of names, none of them dots alone. */
const NAME = /^(?!\.+(?:\/|$))[\w.-]+(?:\/(?!\.+(?:\/|$))[\w.-]+)*$/;
/** How often the roots are read again. */
const REFRESH_MILLISECONDS = 300_000;

interface Answer {
  readonly errors?: readonly string[];
  readonly data?: {
    readonly certificate?: string;
    readonly issuing_ca?: string;
    readonly ca_chain?: readonly string[];
  };
}

export class VaultSigner implements RotatingSigner {
  readonly trustDomain: string;
  private readonly base: URL;
  private readonly clock: Clock;
  private readonly listeners = new Set<() => void>();
  private roots: readonly string[] = [];
  private authorities: readonly X509Certificate[] = [];

  private constructor(private readonly options: VaultSignerOptions) {
    this.base = new URL(options.address);
    if (this.base.protocol !== 'https:')
      throw new Error(`Vault's address ${options.address} is not https: its token would be read`);
    for (const name of [options.mount, options.role]) {
      if (!NAME.test(name)) throw new Error(`'${name}' is no path in Vault; write it as in 'pki' or 'team/pki'`);
    }
    this.trustDomain = options.trustDomain;
    this.clock = options.clock ?? systemClock;
  }

  /** Reads the roots. @throws SignerError when Vault does not tell them. */
  static async open(options: VaultSignerOptions): Promise<VaultSigner> {
    const signer = new VaultSigner(options);
    await signer.refresh();
    return signer;
  }

  /** Reads the roots again: Vault's authority may be rotated. */
  async rotate(): Promise<Date> {
    await this.refresh();
    return new Date(this.clock().getTime() + REFRESH_MILLISECONDS);
  }

  private async refresh(): Promise<void> {
    const path = `/v1/${this.options.mount}/cert/ca_chain`;
    const chain = certificatesOf((await this.ask('GET', path)).data?.certificate ?? '');
    const roots = chain.filter((certificate) => certificate.checkIssued(certificate));
    if (roots.length === 0) throw new SignerError(`Vault's ${path} has no root: add it to the chain of the mount`);
    const before = this.roots.join('');
    this.roots = roots.map((root) => pem('CERTIFICATE', root.raw));
    this.authorities = chain;
    if (this.roots.join('') !== before) for (const onChange of this.listeners) onChange();
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  expiries(): Expiry[] {
    return this.authorities
      .map((certificate) => ({
        level: certificate.checkIssued(certificate) ? ('root' as const) : ('intermediate' as const),
        notBefore: new Date(certificate.validFrom),
        notAfter: new Date(certificate.validTo),
      }))
      .sort((a, b) => (a.level < b.level ? 1 : -1));
  }

  trustBundle(): readonly string[] {
    return this.roots;
  }

  async sign({
    identity,
    hosts = [],
    csr,
    lifetimeSeconds,
    backdateSeconds = BACKDATE_SECONDS,
  }: SigningRequest): Promise<SignedCertificate> {
    const id = formatIdentity(identity);
    if (identity.trustDomain !== this.trustDomain)
      throw new SignerError(`${id} is not of trust domain ${this.trustDomain}`);
    const { mount, role } = this.options;
    const { data } = await this.ask('POST', `/v1/${mount}/sign/${role}`, {
      csr: pem('CERTIFICATE REQUEST', csr.der),
      uri_sans: id,
      ...(hosts.length > 0 && { alt_names: hosts.join(',') }),
      ttl: `${Math.floor(lifetimeSeconds)}s`,
      not_before_duration: `${backdateSeconds}s`,
      exclude_cn_from_sans: true,
      format: 'pem',
    });
    const chain = certificatesOf([data?.certificate, data?.issuing_ca, ...(data?.ca_chain ?? [])].join('\n'));
    return this.checked(chain, id, csr.publicKey, hosts, lifetimeSeconds);
  }

  private checked(
    [leaf, ...above]: X509Certificate[],
    id: string,
    publicKey: Buffer,
    hosts: readonly string[],
    seconds: number,
  ): SignedCertificate {
    const now = this.clock();
    if (!leaf) throw new SignerError('Vault answered without a certificate');
    const wrong = (what: string) => new SignerError(`Vault signed another certificate than was asked for: ${what}`);
    if (!leaf.publicKey.export({ format: 'der', type: 'spki' }).equals(publicKey)) throw wrong('it has another key');
    const names = new Set((leaf.subjectAltName ?? '').split(', '));
    const wanted = new Set([`URI:${id}`, ...hosts.map((host) => `DNS:${host}`)]);
    if (names.size !== wanted.size || [...wanted].some((name) => !names.has(name))) {
      throw wrong(`its names are ${[...names].join(', ').slice(0, 500)}`);
    }
    const notAfter = new Date(leaf.validTo);
    if (notAfter.getTime() > now.getTime() + (seconds + 60) * 1000) throw wrong('it lives longer');
    const trust = { roots: this.roots.map((root) => new X509Certificate(root)), trustDomain: this.trustDomain, now };
    const intermediates = unique(above.filter((certificate) => !certificate.checkIssued(certificate)));
    try {
      verifyPeer(
        [leaf, ...intermediates].map(({ raw }) => raw),
        trust,
      );
    } catch (error) {
      throw error instanceof PeerCertificateError ? wrong(error.message) : error;
    }
    const chain = [leaf, ...intermediates].map(({ raw }) => pem('CERTIFICATE', raw));
    return { chain, notBefore: new Date(leaf.validFrom), notAfter };
  }

  private async ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
    const { caPem, namespace, timeoutMilliseconds = 5_000, token } = this.options;
    const secret = await token();
    const { code, text } = await exchange(
      {
        host: this.base.hostname,
        port: this.base.port || 443,
        path: this.base.pathname.replace(/\/$/, '') + path,
        method,
        ca: caPem,
        headers: {
          'x-vault-token': secret,
          'x-vault-request': 'true',
          ...(namespace && { 'x-vault-namespace': namespace }),
          ...(body && { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(timeoutMilliseconds),
      },
      body && JSON.stringify(body),
    );
    const answer = answerOf(text);
    // Vault's own words say what to put right; a token that they might repeat does not get into the log.
    const said = (answer?.errors ?? []).join('; ').replaceAll(secret, '…').slice(0, 500);
    if (code !== 200) throw new SignerError(`Vault answers ${code} to ${method} ${path}${said && `: ${said}`}`);
    if (!answer) throw new SignerError(`Vault answers ${method} ${path} with something that is not JSON`);
    return answer;
  }
}

function exchange(options: RequestOptions, body: string | undefined): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const why = error.name === 'AbortError' || error.name === 'TimeoutError' ? 'no answer in time' : error.message;
      reject(new SignerError(`Vault at ${options.host}:${options.port} cannot be asked: ${why}`));
    };
    const call = request(options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) call.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    call.on('error', fail);
    call.end(body);
  });
}

function answerOf(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function certificatesOf(text: string): X509Certificate[] {
  try {
    return blocks('CERTIFICATE', text).map((der) => new X509Certificate(der));
  } catch {
    throw new SignerError('Vault answered with something that is no certificate');
  }
}

const unique = (all: readonly X509Certificate[]) =>
  all.filter((each, at) => all.findIndex(({ raw }) => raw.equals(each.raw)) === at);
