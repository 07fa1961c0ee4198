/**
 * Requests to one API server. Addresses, certificates and tokens are the official client's (`KubeConfig`: kubeconfig
 * files, or the Pod's own ServiceAccount whose token file is read again each minute), and so is watching. The
 * package is ESM and large, so it is loaded when the first client is made (docs/adr/011).
 */

import { request as httpRequest } from 'node:http';
import { type Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeObject } from '../../api/object';
import { KubeApiError } from './api-error';

/** Where the API server is and who we are there. */
export interface ClientOptions {
  /** A kubeconfig file. Default: the Pod's ServiceAccount, else `$KUBECONFIG` or `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current one. */
  readonly context?: string;
}

/** Values of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject;
}

/** A page of a list. */
export interface List {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: KubeObject[];
}

/** What a reflector needs of an API server. */
export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  /** Resolves with how to end it, once the server has been asked; `onEnd` is called once, in every case. */
  watch(
    path: string,
    query: Query,
    onEvent: (event: WatchEvent) => void,
    onEnd: (error?: Error) => void,
  ): Promise<() => void>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a PATCH is to be read. `apply` is server-side apply. */
export type PatchType = 'merge' | 'json' | 'apply';

const PATCH_TYPES: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

const load = () => import('@kubernetes/client-node');
type Package = Awaited<ReturnType<typeof load>>;
type KubeConfig = InstanceType<Package['KubeConfig']>;
type Watch = InstanceType<Package['Watch']>;

const REQUEST_MS = 30_000;
const NOWHERE = 'http://localhost:8080';
/** The API server itself refuses objects above 3 MiB, and a page has at most 500; a larger answer is not one. */
const LARGEST_ANSWER = 256 * 1024 * 1024;

export class KubeClient implements Api {
  private constructor(
    private readonly config: KubeConfig,
    private readonly watcher: Watch,
    /** `https://10.96.0.1:443`, for messages. */
    readonly server: string,
    /** Where this Pod runs; undefined outside a cluster. */
    readonly podNamespace: string | undefined,
  ) {}

  /** @throws when there is no such file or context, or no API server is named anywhere. */
  static async load(options: ClientOptions = {}): Promise<KubeClient> {
    const { KubeConfig, Watch } = await load();
    const config = new KubeConfig();
    if (options.kubeconfig) config.loadFromFile(options.kubeconfig);
    else if (isInCluster()) config.loadFromCluster();
    else config.loadFromDefault();
    // What the client makes up where it finds nothing: an address without TLS, which it refuses to ask then.
    if (config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === NOWHERE) {
      throw new Error('no API server is known: there is no kubeconfig; set KUBECONFIG, or give --kubeconfig FILE');
    }
    if (options.context !== undefined) {
      if (!config.getContextObject(options.context)) {
        const names = config.getContexts().map(({ name }) => name);
        throw new Error(`there is no context '${options.context}' in the kubeconfig; it has: ${names.join(', ')}`);
      }
      config.setCurrentContext(options.context);
    }
    const cluster = config.getCurrentCluster();
    if (!cluster) throw new Error('no API server is known; give --kubeconfig FILE, or run in a cluster');
    const podNamespace =
      options.kubeconfig || !isInCluster()
        ? undefined
        : (config.getContextObject(config.getCurrentContext())?.namespace ?? undefined);
    return new KubeClient(config, new Watch(config), cluster.server, podNamespace);
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.request('GET', path, { query });
  }

  /** Writes `patch` over what is there. `apply` needs `fieldManager` in the query. */
  patch<T = KubeObject>(path: string, type: PatchType, patch: unknown, query: Query = {}): Promise<T> {
    return this.request('PATCH', path, { query, body: patch, contentType: PATCH_TYPES[type] });
  }

  /**
   * @returns the answer, read as JSON.
   * @throws KubeApiError when the server refuses; other errors when it cannot be reached within 30 seconds.
   */
  async request<T = KubeObject>(
    method: Method,
    path: string,
    {
      query = {},
      body,
      contentType = 'application/json',
    }: { query?: Query; body?: unknown; contentType?: string } = {},
  ): Promise<T> {
    const url = new URL(this.server + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const options: RequestOptions = { method, headers: { accept: 'application/json' } };
    await this.config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    options.agent = this.agentFor(options);
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined) {
      options.headers = { ...options.headers, 'content-type': contentType, 'content-length': Buffer.byteLength(text) };
    }
    const answer = await send(url, options, text);
    if (answer.status >= 300) throw KubeApiError.of(`${method} ${url.pathname}`, answer.status, answer.body);
    return JSON.parse(answer.body) as T;
  }

  async watch(
    path: string,
    query: Query,
    onEvent: (event: WatchEvent) => void,
    onEnd: (error?: Error) => void,
  ): Promise<() => void> {
    const take = (type: string, object: KubeObject) => onEvent({ type: type as WatchEvent['type'], object });
    const controller = await this.watcher.watch(path, query as Record<string, string>, take, (error) => {
      const status = (error as { statusCode?: number } | null)?.statusCode;
      onEnd(status ? KubeApiError.of(`WATCH ${path}`, status, '') : (error ?? undefined));
    });
    return () => controller.abort();
  }

  private agent: { key: string; agent: Agent } | undefined;

  /** The client makes a new agent for every request; ours lives as long as the credentials, so connections are kept. */
  private agentFor(options: RequestOptions): Agent | undefined {
    const made = options.agent as Agent | undefined;
    if (!made) return undefined;
    const key = [options.ca, options.cert, options.key].map(String).join('\0');
    if (this.agent?.key !== key) {
      this.agent?.agent.destroy();
      made.options.keepAlive = true;
      (made as Agent & { keepAlive: boolean }).keepAlive = true;
      this.agent = { key, agent: made };
    }
    return this.agent!.agent;
  }

  /** Closes idle connections. */
  close(): void {
    this.agent?.agent.destroy();
    this.agent = undefined;
  }
}

function isInCluster(): boolean {
  return Boolean(process.env.KUBERNETES_SERVICE_HOST) && !process.env.KUBECONFIG;
}

function send(url: URL, options: RequestOptions, body: string | undefined): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, options, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > LARGEST_ANSWER) response.destroy(new Error(`the answer has more than ${LARGEST_ANSWER} bytes`));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
    });
    const late = setTimeout(() => {
      request.destroy(new Error(`no answer from ${url.host} within ${REQUEST_MS / 1000} s`));
    }, REQUEST_MS);
    request.on('close', () => clearTimeout(late));
    request.on('error', reject);
    request.end(body);
  });
}
