/** Asks a running control plane for its pages: in plaintext on this machine, or by TLS with a credential of the mesh. */
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Command } from 'commander';

export interface ControlPlaneOptions {
  readonly http: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly serverName?: string;
}

export interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const DEFAULT_HTTP = 'http://127.0.0.1:15014';
const PATIENCE_MILLISECONDS = 10_000;
/** The status of 5,000 proxies is some 5 MB. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** Adds the options by which a control plane is found. */
export function withControlPlane(command: Command): Command {
  return command
    .option('--http <url>', "the control plane's HTTP address; https:// for its port of xDS by TLS", DEFAULT_HTTP)
    .option('--token-file <file>', 'by TLS: a service-account token for audience malha.dev, read anew for each request')
    .option('--ca <file>', 'by TLS: whom to trust, in PEM; default: the system’s authorities')
    .option('--server-name <name>', 'by TLS: the name in its certificate, where a port-forward leads to it');
}

export class ControlPlaneClient {
  readonly base: URL;

  private constructor(
    private readonly options: ControlPlaneOptions,
    private readonly ca: Buffer | undefined,
  ) {
    const address = /^https?:\/\//.test(options.http) ? options.http : `http://${options.http}`;
    if (!URL.canParse(address)) throw new Error(`'${options.http}' is no address; write http://HOST:PORT`);
    this.base = new URL(address);
  }

  /** @throws when the options do not go together or a file cannot be read. */
  static async open(options: ControlPlaneOptions): Promise<ControlPlaneClient> {
    const client = new ControlPlaneClient(options, options.ca ? await readFile(options.ca) : undefined);
    // A token in plaintext is anybody's.
    if (options.tokenFile && client.base.protocol !== 'https:') {
      throw new Error('--token-file is for TLS: give --http https://HOST:15012');
    }
    return client;
  }

  /** The value of a page. @throws with what to do when nobody answers, or somebody else. */
  async json<Value>(path: string, isValid: (value: Value) => boolean): Promise<Value> {
    const { code, body } = await this.get(path);
    const text = body.toString('utf8');
    if (code !== 200) throw new Error(`${this.base.origin}${path} answers ${code}: ${text.slice(0, 200)}`);
    try {
      const value = JSON.parse(text);
      if (isValid(value)) return value;
    } catch {
      // Told below: it is no page of ours, whatever it is.
    }
    throw new Error(
      `${this.base.origin}${path} is not the page of a control plane: give the address of its HTTP port with --http`,
    );
  }

  async get(path: string): Promise<Reply> {
    const { tokenFile, serverName } = this.options;
    const headers = tokenFile ? { authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}` } : {};
    const url = new URL(path, this.base);
    const isSecure = url.protocol === 'https:';
    return new Promise<Reply>((resolve, reject) => {
      const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
      const request = isSecure
        ? httpsRequest(url, { headers, signal, ca: this.ca, servername: serverName })
        : httpRequest(url, { headers, signal });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const reason = error.name === 'AbortError' ? 'no answer within 10 s' : (error.code ?? error.message);
        reject(
          new Error(
            `no control plane answers at ${url.origin} (${reason}): start one, or give its address with --http`,
          ),
        );
      });
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > MAX_BODY_BYTES) request.destroy(new Error('the answer is too large'));
        });
        response.on('end', () =>
          resolve({ code: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      });
      request.end();
    });
  }
}
