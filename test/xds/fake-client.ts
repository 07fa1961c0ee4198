/** A client without a network: it sees every response that a stream writes, and answers when the test says so. */

import { decode, encode } from '../../lib/envoy/message';
import type { Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { ProxyStream } from '../../lib/xds/proxy-stream';
import { Quarantine } from '../../lib/xds/quarantine';
import type { Variant } from '../../lib/xds/request';
import type { Clock, Logger, XdsObserver } from '../../lib/xds/source';

export const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** Time stands still until the test moves it. */
export class FakeClock implements Clock {
  private time = 0;
  private tasks: { at: number; task: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(milliseconds: number, task: () => void): () => void {
    const entry = { at: this.time + milliseconds, task };
    this.tasks.push(entry);
    return () => {
      this.tasks = this.tasks.filter((each) => each !== entry);
    };
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
    for (const entry of this.tasks.filter(({ at }) => at <= this.time)) {
      this.tasks = this.tasks.filter((each) => each !== entry);
      entry.task();
    }
  }
}

type Short = 'cds' | 'eds' | 'lds' | 'rds' | 'sds' | 'ecds';
const URLS: Record<Short, string> = {
  cds: TypeUrl.cluster,
  eds: TypeUrl.endpoint,
  lds: TypeUrl.listener,
  rds: TypeUrl.route,
  sds: TypeUrl.secret,
  ecds: TypeUrl.extension,
};
const SHORT = new Map(Object.entries(URLS).map(([short, url]) => [url, short]));

export class FakeClient {
  readonly clock = new FakeClock();
  readonly stream: ProxyStream;
  /** Responses that the test has not looked at: `cds a b -gone`. */
  private readonly seen: string[] = [];
  private readonly nonces = new Map<string, string>();
  private readonly unread: (() => void)[] = [];
  /** False: the client does not read, so that nothing that was written ever leaves. */
  isReading = true;
  writtenBytes = 0;

  constructor(
    private readonly variant: Variant,
    observer: XdsObserver = {},
    log: Logger = silent,
    quarantine = new Quarantine(),
  ) {
    this.stream = new ProxyStream(variant, 'peer', {
      clock: this.clock,
      log,
      observer,
      patience: 5_000,
      quarantine,
      write: (bytes, done) => {
        this.writtenBytes += bytes.length;
        this.unread.push(done);
        this.read(bytes);
        if (this.isReading) this.drain();
      },
    });
  }

  /** Reads what was written while it did not. */
  drain(): void {
    for (let done = this.unread.shift(); done; done = this.unread.shift()) done();
  }

  private read(bytes: Buffer): void {
    if (this.variant === 'delta') {
      const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
      this.nonces.set(response.type_url!, response.nonce!);
      const names = (response.resources ?? []).map(({ name }) => name);
      const removed = (response.removed_resources ?? []).map((name) => `-${name}`);
      this.seen.push([SHORT.get(response.type_url!) ?? response.type_url, ...names, ...removed].join(' '));
    } else {
      const response = decode('envoy.service.discovery.v3.DiscoveryResponse', bytes);
      this.nonces.set(response.type_url!, response.nonce!);
      const names = (response.resources ?? []).map((resource) => resource['name'] ?? resource['cluster_name']);
      this.seen.push([SHORT.get(response.type_url!) ?? response.type_url, ...names].join(' '));
    }
  }

  /** What came since the last look. */
  received(): string[] {
    return this.seen.splice(0);
  }

  subscribe(short: Short | string, names: string[] = []): void {
    this.send(short, { names });
  }

  acknowledge(short: Short, names: string[] = []): void {
    this.send(short, { nonce: this.nonces.get(URLS[short])!, names: this.variant === 'delta' ? [] : names });
  }

  reject(short: Short, error: string): void {
    this.send(short, { nonce: this.nonces.get(URLS[short])!, error });
  }

  private send(
    short: string,
    { names = [], nonce, error }: { names?: string[]; nonce?: string; error?: string },
  ): void {
    const common = {
      node: { id: 'sidecar~127.0.0.1~a.ns~ns.svc.cluster.local' },
      type_url: URLS[short as Short] ?? short,
      response_nonce: nonce,
      error_detail: error === undefined ? undefined : { code: 3, message: error },
    };
    const bytes =
      this.variant === 'delta'
        ? encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { ...common, resource_names_subscribe: names })
        : encode('envoy.service.discovery.v3.DiscoveryRequest', { ...common, resource_names: names });
    this.stream.receive(bytes);
    this.stream.pump();
  }

  offer(snapshot: Snapshot | undefined): void {
    this.stream.offer(snapshot, this.clock.now());
    this.stream.pump();
  }
}
