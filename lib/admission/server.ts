/** The webhooks' HTTPS server. It answers whoever asks, and holds no more in memory than it says here. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type AdmissionRequest, answerTo, ReviewError, readReview, type Verdict } from './review';

/** An API server sends at most 3 MiB of object twice, and its own few fields. */
export const LARGEST_REVIEW = 8 * 1024 * 1024;
/** All bodies that are being read. */
export const MOST_UNDER_WAY = 64 * 1024 * 1024;
const MOST_CONNECTIONS = 1000;

export interface ServerCertificate {
  /** PEM: the leaf and its intermediates; the key. */
  readonly cert: string;
  readonly key: string;
}

export interface AdmissionServerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly certificate: ServerCertificate;
  /** By path. */
  readonly verdicts: Readonly<Record<string, (request: AdmissionRequest) => Verdict>>;
  /** After each review: `allowed`, `refused`, or `malformed`; and how long it took from its last byte. */
  readonly onReview?: (path: string, outcome: 'allowed' | 'refused' | 'malformed', seconds: number) => void;
  readonly onError?: (error: Error) => void;
}

export class AdmissionServer {
  private underWay = 0;

  private constructor(
    private readonly server: Server,
    private readonly options: AdmissionServerOptions,
  ) {}

  /** @throws when it cannot listen. */
  static async listen(options: AdmissionServerOptions): Promise<AdmissionServer> {
    const { host, port, certificate, onError = () => undefined } = options;
    const server = createServer({
      ...certificate,
      minVersion: 'TLSv1.2',
      maxHeaderSize: 8_192,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      handshakeTimeout: 10_000,
    });
    server.maxConnections = MOST_CONNECTIONS;
    const admission = new AdmissionServer(server, options);
    server.on('request', (request, response) => admission.serve(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Error(`cannot serve webhooks on ${host}:${port}: ${error.message}`)));
      server.listen(port, host, resolve);
    });
    server.on('error', onError);
    return admission;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on handshakes show another certificate; connections stay. */
  renew(certificate: ServerCertificate): void {
    this.server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const { verdicts } = this.options;
    const path = pathOf(request.url);
    const verdict = Object.hasOwn(verdicts, path) ? verdicts[path] : undefined;
    if (!verdict) refuse(response, 404, `not found; there are: ${Object.keys(verdicts).join(' ')}`);
    else if (request.method !== 'POST') refuse(response, 405, 'only POST is served');
    else if (Number(request.headers['content-length'] ?? 0) > LARGEST_REVIEW) refuse(response, 413, 'too large');
    else this.read(request, response, (text) => this.answer(path, text, verdict, response));
  }

  private read(request: IncomingMessage, response: ServerResponse, onText: (text: string) => void): void {
    const parts: Buffer[] = [];
    let bytes = 0;
    const forget = () => {
      this.underWay -= bytes;
      bytes = 0;
    };
    request.on('close', forget);
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      this.underWay += part.length;
      const tooMuch = bytes > LARGEST_REVIEW ? 413 : this.underWay > MOST_UNDER_WAY ? 429 : 0;
      if (tooMuch) {
        parts.length = 0;
        request.removeAllListeners('data');
        request.removeAllListeners('end');
        refuse(response, tooMuch, tooMuch === 413 ? 'too large' : 'too many reviews at once');
        request.destroy();
      } else parts.push(part);
    });
    request.on('end', () => onText(Buffer.concat(parts).toString('utf8')));
  }

  private answer(path: string, text: string, judge: (request: AdmissionRequest) => Verdict, response: ServerResponse) {
    const { onReview = () => undefined, onError = () => undefined } = this.options;
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    try {
      const request = readReview(text);
      const verdict = judge(request);
      send(response, 200, 'application/json', answerTo(request.uid, verdict));
      onReview(path, verdict.allowed ? 'allowed' : 'refused', seconds());
    } catch (error) {
      onReview(path, 'malformed', seconds());
      if (error instanceof ReviewError) {
        refuse(response, 400, error.message);
        return;
      }
      onError(error as Error);
      refuse(response, 500, 'internal error');
    }
  }
}

function refuse(response: ServerResponse, code: number, message: string): void {
  send(response, code, 'text/plain; charset=utf-8', `${message}\n`);
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** API servers add `?timeout=10s`. */
function pathOf(url = '/'): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
