/**
 * A podCertificate volume without a kubelet: a key and its certificate in one bundle beside the roots, changed as the kubelet
 * changes volumes (a new folder with the time in its name, then the symlink `..data`), from Citadel's certificate service.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { certificateServiceDefinition } from '../../lib/citadel/certificate-service';
import { makeKeyPair } from '../../lib/citadel/key-pair';
import { renewAt } from '../../lib/citadel/renewal';
import { decode, encode } from '../../lib/envoy/message';
import { inPem } from './requests';

export interface VolumeOptions {
  readonly directory: string;
  /** Where the certificate service is. */
  readonly port: number;
  readonly serverName: string;
  readonly token: () => string;
}

/** How often a request is tried again. */
const RETRY_MILLISECONDS = 200;

export class CredentialVolume {
  /** What has been in the volume so far. */
  readonly leaves: X509Certificate[] = [];
  readonly issuers = new Set<string>();
  readonly roots = new Set<string>();
  failures = 0;
  private trust = '';
  private chain = '';
  private keyPem = '';
  private isStopped = false;
  private running?: Promise<void>;

  constructor(private readonly options: VolumeOptions) {}

  get bundle(): string {
    return join(this.options.directory, 'credential-bundle.pem');
  }

  get trustBundle(): string {
    return join(this.options.directory, 'trust-bundle.pem');
  }

  /** Resolves when there is a first certificate; renews it from then on. @param roots what to trust at first, in PEM. */
  async start(roots: string): Promise<void> {
    this.trust = roots;
    await mkdir(this.options.directory, { recursive: true });
    await symlink('..data/credential-bundle.pem', this.bundle);
    await symlink('..data/trust-bundle.pem', this.trustBundle);
    await this.renew();
    this.running = this.keepUp();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async keepUp(): Promise<void> {
    while (!this.isStopped) {
      const { validTo } = this.leaves.at(-1)!;
      const due = renewAt(this.madeAt, { notAfter: new Date(validTo) }, Math.random());
      while (!this.isStopped && Date.now() < due.getTime()) await sleep(20);
      while (!this.isStopped) {
        try {
          await this.renew();
          break;
        } catch {
          this.failures++;
          await sleep(RETRY_MILLISECONDS);
        }
      }
    }
  }

  private madeAt = new Date();

  /** The first time by the token, then by the certificate itself. */
  private async renew(): Promise<void> {
    const { keyPem, csr } = await makeKeyPair();
    this.madeAt = new Date();
    const chain = await this.certify(inPem(csr.der));
    const certificates = chain.map((text) => new X509Certificate(text));
    const roots = certificates.filter((certificate) => certificate.checkIssued(certificate));
    const own = chain.slice(0, chain.length - roots.length);
    this.keyPem = keyPem;
    this.chain = own.join('');
    this.trust = chain.slice(own.length).join('');
    this.leaves.push(certificates[0]!);
    this.issuers.add(certificates[1]!.fingerprint256);
    for (const root of roots) this.roots.add(root.fingerprint256);
    await this.swap();
  }

  private async swap(): Promise<void> {
    const { directory } = this.options;
    const name = `..${new Date().toISOString().replace(/[-:.]/g, '_')}`;
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'credential-bundle.pem'), this.keyPem + this.chain, { mode: 0o600 });
    await writeFile(join(directory, name, 'trust-bundle.pem'), this.trust);
    await rm(join(directory, '..data_tmp'), { force: true });
    await symlink(name, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  }

  private certify(csr: string): Promise<string[]> {
    const { port, serverName, token } = this.options;
    const metadata = new Metadata();
    if (!this.chain) metadata.set('authorization', `Bearer ${token()}`);
    const own = this.chain ? ([Buffer.from(this.keyPem), Buffer.from(this.chain)] as const) : [];
    const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(this.trust), ...own), {
      'grpc.ssl_target_name_override': serverName,
      'grpc.enable_retries': 0,
    });
    const { path, requestSerialize, responseDeserialize } = certificateServiceDefinition.CreateCertificate;
    const request = Buffer.from(encode('istio.v1.auth.IstioCertificateRequest', { csr }));
    return new Promise<string[]>((resolve, reject) => {
      const answer = (error: ServiceError | null, bytes?: Buffer) =>
        error ? reject(error) : resolve(decode('istio.v1.auth.IstioCertificateResponse', bytes!).cert_chain ?? []);
      const options = { deadline: Date.now() + 2_000 };
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, answer);
    }).finally(() => client.close());
  }
}
