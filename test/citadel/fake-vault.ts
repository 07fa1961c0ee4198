/**
 * A server that answers as the documentation of Vault's PKI engine says: `sign` under a role, `cert/ca_chain`, tokens, errors as
 * `{"errors": […]}` with 400, 403, 404 and 503.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority } from '../../lib/citadel/authority';
import { type AuthorityCertificate, makeAuthorityCertificate } from '../../lib/citadel/authority-certificate';
import { checkCsr } from '../../lib/citadel/csr';
import { blocks, pem } from '../../lib/citadel/der';
import { Issuer } from '../../lib/citadel/issuer';
import { LocalKey } from '../../lib/citadel/signing-key';
import { parseIdentity } from '../../lib/world';

export const TOKEN = 'hvs.test-token';

interface SignBody {
  csr: string;
  uri_sans?: string;
  alt_names?: string;
  ttl?: string;
  not_before_duration?: string;
}

export class FakeVault {
  readonly requests: { path: string; body?: SignBody; headers: IncomingMessage['headers'] }[] = [];
  isSealed = false;
  isSilent = false;
  /** Changes what is signed, as an authority that errs would. */
  tamper: (body: SignBody) => SignBody = (body) => body;
  private server!: Server;
  private issuer!: Issuer;
  caPem!: string;
  root!: AuthorityCertificate;
  private intermediate!: AuthorityCertificate;

  async start(): Promise<string> {
    const options = { now: new Date(), lifetimeSeconds: 86_400 * 30 };
    this.root = await makeAuthorityCertificate({ ...options, name: 'vault root', pathLength: 1 });
    this.intermediate = await makeAuthorityCertificate({ ...options, name: 'vault pki', parent: this.root });
    this.issuer = new Issuer(
      blocks('CERTIFICATE', this.intermediate.certPem)[0]!,
      new LocalKey(this.intermediate.keyPem),
    );
    const tls = await Authority.selfSigned({ name: 'vault tls', clock: () => new Date() });
    this.caPem = tls.certPem;
    const { certPem: cert, keyPem: key } = await tls.issue({ hosts: ['127.0.0.1'] });
    this.server = createServer({ cert, key }, async (request, response) => {
      if (this.isSilent) return;
      let text = '';
      for await (const chunk of request) text += chunk;
      const { code, answer } = await this.answer(request, text ? JSON.parse(text) : undefined);
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(
    { url = '', method, headers }: IncomingMessage,
    body?: SignBody,
  ): Promise<{ code: number; answer: object }> {
    this.requests.push({ path: `${method} ${url}`, body, headers });
    const failed = (code: number, ...errors: string[]) => ({ code, answer: { errors } });
    if (this.isSealed) return failed(503, 'Vault is sealed');
    if (url === '/v1/mesh/pki/cert/ca_chain' && method === 'GET') {
      return { code: 200, answer: { data: { certificate: this.intermediate.certPem + this.root.certPem } } };
    }
    if (headers['x-vault-token'] !== TOKEN) return failed(403, 'permission denied');
    if (url === '/v1/mesh/pki/sign/workload' && method === 'POST') return this.sign(body!);
    return url.startsWith('/v1/mesh/pki/sign/') ? failed(400, `unknown role: ${url.split('/').at(-1)}`) : failed(404);
  }

  private async sign(given: SignBody) {
    const body = this.tamper(given);
    if (!body.uri_sans?.startsWith('spiffe://cluster.local/')) {
      return { code: 400, answer: { errors: [`subject alternate name ${body.uri_sans} not allowed by this role`] } };
    }
    const now = Date.now();
    const seconds = (text = '0s') => Number.parseInt(text, 10) * 1000;
    const { der } = await this.issuer.issue({
      publicKey: checkCsr(body.csr).publicKey,
      names: { identity: parseIdentity(body.uri_sans), hosts: body.alt_names?.split(',') },
      notBefore: new Date(now - seconds(body.not_before_duration)),
      notAfter: new Date(now + seconds(body.ttl)),
    });
    const serial_number = new X509Certificate(der).serialNumber;
    const data = {
      certificate: pem('CERTIFICATE', der),
      issuing_ca: this.intermediate.certPem,
      ca_chain: [this.intermediate.certPem, this.root.certPem],
      serial_number,
    };
    return { code: 200, answer: { lease_id: '', renewable: false, lease_duration: 0, data } };
  }
}
