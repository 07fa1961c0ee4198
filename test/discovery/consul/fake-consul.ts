/** A Consul as its HTTP API's documentation describes it: indexes, waits, filters, failures; by calls or by HTTP. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Consul, ConsulAnswer, ConsulQuery } from '../../../lib/discovery/consul';
import type { ReflectorClock } from '../../../lib/discovery/kubernetes/reflector';

export type Status = 'passing' | 'warning' | 'critical' | 'maintenance';

export interface FakeInstance {
  readonly service: string;
  readonly id: string;
  readonly address?: string;
  readonly port?: number;
  readonly status?: Status;
  readonly meta?: Record<string, string>;
  readonly tags?: readonly string[];
  readonly weights?: { Passing: number; Warning: number };
  readonly kind?: string;
}

export class FakeConsul implements Consul {
  /** All requests: path, index and wait. */
  readonly requests: string[] = [];
  instances: FakeInstance[] = [];
  index = 10n;
  failure: Error | undefined;
  hasLeader = true;
  isFiltered = false;
  private waiting = new Set<() => void>();
  private server: Server | undefined;
  /** HTTP only: what requests have to carry, and the status of everything while it is set. */
  token: string | undefined;
  httpStatus: number | undefined;

  constructor(private readonly clock: ReflectorClock) {}

  /** Changes what is registered, and the index as each write does. */
  set(instances: readonly FakeInstance[], index = this.index + 1n): void {
    this.instances = [...instances];
    this.index = index;
    this.wake();
  }

  /** Requests that wait get their answer: as a change, or a server that goes away, gives it. */
  wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const each of waiting) each();
  }

  async get(path: string, { index, waitSeconds }: ConsulQuery): Promise<ConsulAnswer> {
    this.requests.push(index === undefined ? path : `${path} index=${index} wait=${waitSeconds}s`);
    if (this.failure) throw this.failure;
    if (index !== undefined && BigInt(index) === this.index) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(waitSeconds * 1000, () => {
          this.waiting.delete(wake);
          resolve();
        });
        const wake = () => {
          cancel();
          resolve();
        };
        this.waiting.add(wake);
      });
      if (this.failure) throw this.failure;
    }
    const { hasLeader, isFiltered } = this;
    return { body: this.body(path), index: this.index, hasLeader, isFiltered };
  }

  private body(path: string): unknown {
    if (path === '/v1/catalog/services') {
      const names = this.instances.map(({ service }) => service);
      return Object.fromEntries([['consul', []], ...names.map((name) => [name, []])]);
    }
    const name = decodeURIComponent(path.slice('/v1/health/service/'.length));
    return this.instances.filter(({ service }) => service === name).map(entry);
  }

  /** By HTTP, or by HTTPS with a certificate, on this machine. */
  async listen(tls?: { cert: string; key: string }): Promise<string> {
    const answer = async (url: string, headers: NodeJS.Dict<string | string[]>) => {
      const { pathname, searchParams } = new URL(url, 'http://consul');
      const index = searchParams.get('index') ?? undefined;
      if (this.httpStatus) return { status: this.httpStatus, body: 'rpc error: no', headers: {} };
      if (this.token && headers['x-consul-token'] !== this.token) {
        return { status: 403, body: 'Permission denied: token lacks permission', headers: {} };
      }
      const got = await this.get(pathname, {
        index,
        waitSeconds: Number.parseInt(searchParams.get('wait') ?? '0', 10),
      });
      const about = {
        'x-consul-index': String(got.index),
        'x-consul-knownleader': String(got.hasLeader),
        ...(got.isFiltered && { 'x-consul-results-filtered-by-acls': 'true' }),
      };
      return { status: 200, body: JSON.stringify(got.body), headers: about };
    };
    const listener: Parameters<typeof createServer>[1] = (request, response) => {
      answer(request.url!, request.headers).then(
        ({ status, body, headers }) => response.writeHead(status, headers).end(body),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    };
    const server = tls ? createTlsServer(tls, listener) : createServer(listener);
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve) ?? resolve(undefined));
  }
}

function entry({ service, id, status = 'passing', ...instance }: FakeInstance) {
  const maintenance = { CheckID: `_service_maintenance:${id}`, Status: 'critical' };
  return {
    Node: { Node: 'node-1', Address: '198.18.0.1', Datacenter: 'dc1' },
    Service: {
      ID: id,
      Service: service,
      Kind: instance.kind ?? '',
      Address: instance.address ?? '',
      Port: instance.port ?? 8080,
      Meta: instance.meta ?? {},
      Tags: instance.tags ?? [],
      Weights: instance.weights ?? { Passing: 1, Warning: 1 },
    },
    Checks: [
      { CheckID: 'serfHealth', Status: 'passing' },
      status === 'maintenance' ? maintenance : { CheckID: id, Status: status },
    ],
  };
}
