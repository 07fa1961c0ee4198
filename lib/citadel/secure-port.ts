/**
 * A TLS port where callers may prove themselves by a certificate of the mesh. What the handshake has found holds only for the
 * moment, so every connection is looked at again: when its certificate ends, and when the roots change. Sessions are never
 * resumed, because a resumed one would be believed without that look (CVE-2022-21654 is of this kind).
 */
import { constants, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from './clock';
import { verifyPeer } from './peer-certificate';

/** What it needs of the mesh's identities, read anew with each `refresh()`. */
export interface PortIdentity {
  /** PEM */
  readonly chainPem: string;
  readonly keyPem: string;
  /** Each in PEM. */
  readonly roots: readonly string[];
}

export interface SecurePortOptions {
  readonly identity: () => PortIdentity;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** Who takes a connection, by what it speaks (ALPN). */
  readonly accept: Readonly<Partial<Record<'h2' | 'http/1.1', (socket: TLSSocket) => void>>>;
}

interface Connection {
  readonly socket: TLSSocket;
  /** Empty when the caller has shown none. */
  readonly chain: readonly Buffer[];
  timer?: NodeJS.Timeout;
}

/** setTimeout takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;
const HANDSHAKE_MILLISECONDS = 10_000;

export class SecurePort {
  private readonly server: Server;
  private readonly connections = new Set<Connection>();
  private roots: X509Certificate[] = [];

  constructor(private readonly options: SecurePortOptions) {
    this.server = createServer(
      {
        requestCert: true,
        // Who has none shows a token instead; who shows a bad one is cut off below, with a line in the log.
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        ALPNProtocols: Object.keys(options.accept),
        secureOptions: constants.SSL_OP_NO_TICKET,
        handshakeTimeout: HANDSHAKE_MILLISECONDS,
        ...this.context(),
      },
      (socket) => this.take(socket),
    );
    this.server.on('tlsClientError', (error, socket) => {
      // Probes and port scans connect and leave.
      if (socket.remoteAddress) this.refuse(socket, error.message);
    });
  }

  /** Resolves to the port. Rejects with a clear error when it cannot listen. */
  async listen({ host, port }: { host: string; port: number }): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const isTaken = error.code === 'EADDRINUSE';
        const problem = isTaken ? 'the port is in use; stop what uses it or choose another' : error.message;
        reject(new Error(`cannot serve TLS on ${host}:${port}: ${problem}`));
      });
      this.server.listen(port, host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes up a new certificate or new roots, and cuts off whoever is not trusted any more. */
  refresh(): void {
    this.server.setSecureContext(this.context());
    for (const connection of this.connections) this.check(connection);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const { socket } of this.connections) socket.destroy();
    await closed;
  }

  private context() {
    const { chainPem, keyPem, roots } = this.options.identity();
    this.roots = roots.map((root) => new X509Certificate(root));
    return { cert: chainPem, key: keyPem, ca: [...roots] };
  }

  private take(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const chain = chainOf(socket.getPeerCertificate(true));
    if (chain.length > 0 && !socket.authorized) {
      this.refuse(socket, String(socket.authorizationError));
      return;
    }
    const connection: Connection = { socket, chain };
    if (!this.check(connection)) return;
    this.connections.add(connection);
    socket.on('close', () => {
      clearTimeout(connection.timer);
      this.connections.delete(connection);
    });
    // Who names no protocol is an HTTP client of the plain kind.
    const accept = this.options.accept[(socket.alpnProtocol || 'http/1.1') as 'h2'];
    if (accept) accept(socket);
    else this.refuse(socket, 'it speaks no protocol that is served here');
  }

  /** Returns whether the connection may go on; it is looked at again when its certificate ends. */
  private check(connection: Connection): boolean {
    const { chain, socket } = connection;
    clearTimeout(connection.timer);
    if (chain.length === 0) return true;
    const { trustDomain, clock } = this.options;
    try {
      const { notAfter } = verifyPeer(chain, { roots: this.roots, trustDomain, now: clock() });
      const left = notAfter.getTime() - clock().getTime() + 1_000;
      connection.timer = setTimeout(() => this.check(connection), Math.min(left, LONGEST_TIMER));
      connection.timer.unref();
      return true;
    } catch (error) {
      this.refuse(socket, (error as Error).message, chain[0]);
      return false;
    }
  }

  private refuse(socket: TLSSocket, error: string, leaf?: Buffer): void {
    this.options.log.warn({ peer: socket.remoteAddress, names: leaf && namesOf(leaf), error }, 'connection refused');
    socket.destroy();
  }
}

/** What a certificate claims, for the log. */
function namesOf(leaf: Buffer): string {
  return (new X509Certificate(leaf).subjectAltName ?? '').slice(0, 500);
}

function chainOf(certificate: DetailedPeerCertificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  for (let next = certificate; next?.raw; next = next.issuerCertificate) {
    if (chain.some((raw) => raw.equals(next!.raw)) || chain.length > 8) break;
    chain.push(next.raw);
  }
  return chain;
}
