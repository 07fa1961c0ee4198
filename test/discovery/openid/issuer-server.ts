/** An issuer as OpenID Connect Discovery 1.0 describes it, by TLS on this machine; what it answers can be changed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { Authority } from '../../../lib/citadel/authority';
import type { DocumentOptions } from '../../../lib/discovery/openid/document';

export const HOST = 'issuer.example.com';

export class IssuerServer {
  readonly paths: string[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    response.end(JSON.stringify({ issuer: this.issuer, jwks_uri: `https://${HOST}/keys` }));
  private server!: Server;
  private caPem!: string;

  async start(): Promise<this> {
    const authority = await Authority.selfSigned({ name: 'issuer', clock: () => new Date() });
    const { certPem: cert, keyPem: key } = await authority.issue({ hosts: [HOST] });
    this.caPem = authority.certPem;
    this.server = createServer({ cert, key }, (request, response) => {
      this.paths.push(request.url!);
      this.answer(request, response);
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get issuer(): string {
    return `https://${HOST}:${(this.server.address() as AddressInfo).port}/realm`;
  }

  /** Leads to this server, of which it is forgotten that it is on this machine. */
  get options(): DocumentOptions {
    return { ca: this.caPem, lookup: leadsTo('127.0.0.1'), isForbidden: () => false };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const leadsTo =
  (address: string): LookupFunction =>
  (_host, options, done) =>
    options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4);
