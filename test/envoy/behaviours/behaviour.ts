/**
 * What a row of the table of behaviours is: objects as users write them, what somebody asks then, and what comes back.
 * A row is data. `mesh.ts` runs it through real Envoys; the README's table of features is made from the titles.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { KubeObject } from '../../../lib/api/object';
import type { Given } from './given';

/** Who may ask: Pods with a sidecar, one without, or a client from outside that comes to a gateway. */
export type Asker = 'client' | 'stranger' | 'reviews-v1' | 'reviews-v2' | 'outside' | 'edge' | 'egress';

/** Who may answer: `pod-program.ts` says its Pod's version, or its name. */
export type Answerer = 'v1' | 'v2' | 'outside' | 'client' | 'stranger';

export interface AskOptions {
  /** Default `client`. `edge` and `egress`: somebody without a proxy, who connects to that gateway. */
  from?: Asker;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string;
  /** What is spoken: HTTP/1.1 (the default), HTTP/2, or a unary gRPC call. Plain text without TLS where the URL says `http`. */
  http?: '1.1' | '2' | 'grpc';
  /** The server name. Default: the host of the URL. Empty: none. */
  sni?: string;
  /** The certificate that the client shows, by its name in `given.ts`. Default: none. */
  certificate?: string;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names of the ciphers that the client offers for TLS up to 1.2. */
  ciphers?: string;
  alpn?: string[];
  /** The address to connect to, where the host of the URL does not say it. */
  address?: string;
  /** What the request says whom it is for, where that is not the host and port of the URL. */
  authority?: string;
  /** How often. `{n}` in the URL and in headers is the number of the request, from 0. */
  times?: number;
}

/** `http:` and `https:` send a request; `tcp:` sends bytes; `tls:` sends bytes within TLS. */
export interface Ask extends AskOptions {
  url: string;
}

/** What came back, as the asker saw it. */
export interface Reply {
  status?: number;
  /** Who answered; absent where a proxy did. */
  who?: string;
  /** The request as it reached the service. */
  seen?: {
    method: string;
    path: string;
    headers: IncomingHttpHeaders;
    httpVersion: string;
    /** Within TLS: the server name, and the names in the certificate that was shown, as OpenSSL writes them. */
    sni?: string;
    subject?: string;
  };
  /** Of the answer. */
  headers?: IncomingHttpHeaders;
  body?: string;
  grpcStatus?: number;
  grpcMessage?: string;
  /** The connection was refused, reset or closed before anything came: why. */
  refused?: string;
  /** The TLS session between the asker and whoever ended it. */
  tls?: { protocol: string; cipher: string; alpn: string; subject: string };
  milliseconds: number;
}

/** Fields as in `toMatchObject`, matchers allowed; and what concerns several requests. */
export interface Expected {
  status?: number;
  who?: Answerer | undefined;
  seen?: object;
  headers?: object;
  body?: unknown;
  grpcStatus?: number;
  grpcMessage?: unknown;
  refused?: unknown;
  tls?: object;
  milliseconds?: unknown;
  /** The part of the requests that each answerer (or status, `503`, or `refused`) gets, with six standard deviations of room. */
  shares?: Record<string, number>;
  /** One answers all the requests, whoever it is. */
  alike?: true;
  /** Who was asked for a path, and how often; for copies and retries. A path is compared with its query. */
  heard?: Partial<Record<Answerer, Record<string, number>>>;
}

export type Case = readonly [Ask, Expected];

export interface Behaviour {
  /** The kind of object that the feature belongs to: the README's groups. */
  topic: string;
  /** As shared documents of Istio name it; unique within the topic. */
  feature: string;
  /** Beside the cast (`cast.ts`); an object of the same kind and name takes the place of the cast's. */
  objects: string | readonly KubeObject[] | ((given: Given) => string | readonly KubeObject[]);
  /** The Pods with a proxy have certificates of the mesh: from files, and where capture is transparent, `stranger` over its stream. */
  identities?: true;
  cases: readonly Case[];
  /**
   * Why the simulator is not asked. Only for what is no HTTP, or depends on what services do: it answers from
   * configuration alone.
   */
  notSimulated?: string;
  /** Where the feature cannot exist with explicit capture. */
  onlyTransparent?: string;
  /** Why older Envoys than the newest cannot show it. */
  onlyNewest?: string;
}

/** A GET of the client, unless the options say otherwise. */
export function get(url: string, options: AskOptions = {}): Ask {
  return { url, ...options };
}

/** Bytes over a connection that is no HTTP: `tcp('db:9000')`. */
export function tcp(target: string, options: AskOptions = {}): Ask {
  return { url: `tcp://${target}`, ...options };
}

/** The same within TLS. */
export function tls(target: string, options: AskOptions = {}): Ask {
  return { url: `tls://${target}`, ...options };
}
