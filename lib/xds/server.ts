/**
 * gRPC around the streams, and the round of them after a change. There are two doors: `listen` opens a plaintext port, where
 * a node's word is believed (a laptop's loopback); `accept` takes connections of a TLS port, whose callers prove who they are.
 */
import type { Duplex } from 'node:stream';
import {
  status as Code,
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { bytesMethod } from '../envoy/bytes-method';
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import { addressOfPeer, formatIdentity, type Proof } from '../world';
import type { Progress } from './progress';
import { ProxyStream } from './proxy-stream';
import { Quarantine, type Quarantined } from './quarantine';
import { Refusals } from './refusals';
import type { Variant } from './request';
import {
  AccessDenied,
  type Authenticate,
  type Clock,
  type ConnectionSecrets,
  type Logger,
  type Node,
  type SnapshotSource,
  type StreamCredential,
  systemClock,
  type XdsObserver,
} from './source';
import type { ProxyStatus, ProxyWithConfiguration } from './status';
import { StreamGate, type StreamGateOptions } from './stream-gate';
import { ProtocolError } from './subscription';
import { WriteRoom } from './write-room';

export interface XdsServerOptions {
  readonly log: Logger;
  readonly observer?: XdsObserver;
  readonly clock?: Clock;
  /** Milliseconds to wait for an ACK before going on without it. Default 5,000. */
  readonly patience?: number;
  /** Who calls, on connections that were accepted. Default: nobody is let in there. */
  readonly authenticate?: Authenticate;
  /** What connections get that have proven themselves by a token, beside their snapshot. Default: nothing. */
  readonly connectionSecrets?: ConnectionSecrets;
  /** How many streams may come, and at what pace. */
  readonly gate?: Omit<StreamGateOptions, 'clock'>;
  /** Further services for the plaintext port alone. */
  readonly plainServices?: readonly GrpcService[];
  /** Further services for accepted connections alone. */
  readonly secureServices?: readonly GrpcService[];
}

/** A service whose messages are handled as bytes or objects by whoever offers it. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
/** A plain Envoy's first request is 61 kB; a reconnecting one lists the versions of all it has. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const REQUESTS_PER_SECOND = 1_000;
/** Who has not read a response for so long, in milliseconds, loses its stream. */
const STALLED = 60_000;
/** Work on a round of streams goes on for so long before requests get their turn, in milliseconds. */
const SLICE = 10;

const method = (name: string) => bytesMethod(`${SERVICE}/${name}`, { request: true, response: true });

/** The aggregated discovery service with messages as bytes; a client can be made of it too. */
export const aggregatedDiscoveryService = {
  StreamAggregatedResources: method('StreamAggregatedResources'),
  DeltaAggregatedResources: method('DeltaAggregatedResources'),
} as const;

type Call = ServerDuplexStream<Buffer, Buffer>;

export class XdsServer {
  private readonly plain: Server;
  private readonly secure: Server;
  private readonly injector: ReturnType<Server['createConnectionInjector']>;
  private readonly credentials = new WeakMap<ProxyStream, StreamCredential>();
  /** Snapshots with the secrets of one connection, the last for each. */
  private readonly overlaid = new WeakMap<
    ProxyStream,
    { snapshot: Snapshot; own: readonly EnvoyResource[]; result: Snapshot }
  >();
  private readonly clock: Clock;
  private readonly streams = new Map<ProxyStream, Call>();
  private readonly unsubscribe: () => void;
  /** Streams that have not yet seen the last change. */
  private readonly dirty = new Set<ProxyStream>();
  private changedAt = 0;
  private isRoundUnderWay = false;
  private readonly failures = new Map<string, string>();
  private readonly quarantine = new Quarantine();
  private readonly room = new WriteRoom();
  private readonly watchers = new Set<() => void>();
  private readonly gate: StreamGate;
  private readonly refusals: Refusals;

  constructor(
    private readonly source: SnapshotSource,
    private readonly options: XdsServerOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    this.gate = new StreamGate({ clock: this.clock, ...options.gate });
    this.refusals = new Refusals(options.log, this.clock);
    const { plainServices = [], secureServices = [] } = options;
    this.plain = this.serverFor((variant, call) => this.open(variant, call), plainServices);
    this.secure = this.serverFor((variant, call) => this.admit(variant, call), secureServices);
    // The connections come decrypted.
    this.injector = this.secure.createConnectionInjector(ServerCredentials.createInsecure());
    const stops = [source, options.connectionSecrets].map((each) => each?.subscribe(() => this.startRound()));
    this.unsubscribe = () => {
      for (const stop of stops) stop?.();
    };
  }

  private serverFor(open: (variant: Variant, call: Call) => void, services: readonly GrpcService[]): Server {
    const server = new Server({
      'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
      'grpc.max_concurrent_streams': 100,
      // A proxy whose node has vanished must not be taken for connected.
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
    });
    const handler =
      (variant: Variant): handleBidiStreamingCall<Buffer, Buffer> =>
      (call) =>
        this.enter(call, () => open(variant, call));
    server.addService(aggregatedDiscoveryService, {
      StreamAggregatedResources: handler('state'),
      DeltaAggregatedResources: handler('delta'),
    });
    for (const { definition, implementation } of services) server.addService(definition, implementation);
    return server;
  }

  /** What the client sends meanwhile stays in the connection's window, at most 64 kB. */
  private enter(call: Call, open: () => void): void {
    const leave = this.gate.enter(addressOfPeer(call.getPeer()), open);
    if (!leave) {
      this.options.observer?.refused?.('flood');
      this.refusals.note(addressOfPeer(call.getPeer()), 'streams refused: too many at once');
      call.on('error', () => {});
      call.emit('error', { code: Code.RESOURCE_EXHAUSTED, details: 'too many proxies connect at once: try again' });
      return;
    }
    for (const event of ['cancelled', 'close', 'error']) call.on(event, leave);
  }

  /** Takes a connection of a TLS port over, decrypted. */
  accept(connection: Duplex): void {
    this.injector.injectConnection(connection);
  }

  /** Listens in plaintext on `HOST:PORT` (port 0: any); resolves to the port. Rejects with a clear error when it cannot. */
  async listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.plain.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (!error) return resolve(port);
        const isTaken = error.message.includes('EADDRINUSE');
        const problem = isTaken ? 'the port is in use; stop what uses it or choose another' : error.message;
        reject(new Error(`cannot serve xDS on ${address}: ${problem}`));
      });
    });
  }

  /** Ends all streams, so that proxies go to another replica, and stops listening. */
  async close(graceMilliseconds = 1_000): Promise<void> {
    this.unsubscribe();
    this.gate.close();
    for (const call of this.streams.values()) call.end();
    this.injector.destroy();
    await Promise.all([this.plain, this.secure].map((server) => shutDown(server, graceMilliseconds)));
  }

  /** Ends all streams: whoever has another source goes there, others come back at once. */
  endStreams(): void {
    for (const call of this.streams.values()) call.end();
  }

  /** Every connected proxy, in order of node ids; one that is just reconnecting may be there twice. */
  proxies(): ProxyStatus[] {
    return [...this.streams.keys()]
      .filter(({ node }) => node !== undefined)
      .map((stream) => this.statusOf(stream))
      .sort((a, b) => (a.node.id < b.node.id ? -1 : a.node.id > b.node.id ? 1 : 0));
  }

  /** The proxy of that node id, or of that `NAME.NAMESPACE`, and what it has; undefined when it is not connected. */
  proxy(name: string): ProxyWithConfiguration | undefined {
    // One that is just reconnecting is there twice; the younger stream knows.
    const stream = [...this.streams.keys()]
      .filter(({ node }) => node && (node.id === name || node.id.split('~')[2] === name))
      .at(-1);
    return stream && { status: this.statusOf(stream), configuration: stream.configuration() };
  }

  private statusOf(stream: ProxyStream): ProxyStatus {
    const credential = this.credentials.get(stream);
    if (!credential) return stream.status();
    const { identity, kind, expiresAt } = credential;
    return {
      ...stream.status(),
      credential: { identity: formatIdentity(identity), kind, expiresAt: expiresAt.toISOString() },
    };
  }

  /** Opens the stream when its caller is known, and ends it when the caller's credential does. */
  private admit(variant: Variant, call: Call): void {
    const { authenticate, log, observer } = this.options;
    let isOver = false;
    let cancelEnd = () => {};
    const over = () => {
      isOver = true;
      cancelEnd();
    };
    for (const event of ['cancelled', 'close', 'error']) call.on(event, over);
    const end = (code: Code, details: string, error: string) => {
      if (isOver) return;
      observer?.refused?.('credential');
      log.warn({ peer: call.getPeer(), error }, 'stream refused');
      call.emit('error', { code, details });
    };
    const authenticated = authenticate
      ? authenticate(call)
      : Promise.reject<StreamCredential>(new Error('nobody is let in here: there is no authentication'));
    authenticated.then(
      (credential) => {
        if (isOver) return;
        const stream = this.open(variant, call, credential);
        cancelEnd = this.atEndOf(credential, () => {
          this.forget(stream);
          end(Code.UNAUTHENTICATED, 'the credential has expired', 'the credential has expired');
        });
      },
      (error: Error & { isTemporary?: boolean }) =>
        error.isTemporary
          ? end(Code.UNAVAILABLE, 'credentials cannot be checked now: try again', error.message)
          : end(Code.UNAUTHENTICATED, 'no valid credential', error.message),
    );
  }

  /** Timers are short, because one cannot be longer than 24 days. */
  private atEndOf({ expiresAt }: StreamCredential, task: () => void): () => void {
    let cancel = () => {};
    const wait = () => {
      const left = expiresAt.getTime() - Date.now();
      cancel = left <= 0 ? this.clock.after(0, task) : this.clock.after(Math.min(left, 3_600_000), wait);
    };
    wait();
    return () => cancel();
  }

  /** What a proxy has rejected and nobody has taken, as far as some proxy should have it now. */
  rejected(): readonly Quarantined[] {
    return this.quarantine
      .all()
      .filter((rejected) => [...this.streams.keys()].some((stream) => stream.wants(rejected.type, rejected.resource)));
  }

  /** How far each connected proxy is. */
  progress(): { node: Node; progress: Progress }[] {
    return [...this.streams.keys()].flatMap(({ node, progress }) => (node ? [{ node, progress }] : []));
  }

  /** Calls `onProgress` whenever proxies have come, gone or answered; returns how to stop. */
  subscribe(onProgress: () => void): () => void {
    this.watchers.add(onProgress);
    return () => this.watchers.delete(onProgress);
  }

  private tell(): void {
    for (const onProgress of this.watchers) onProgress();
  }

  private open(variant: Variant, call: Call, credential?: StreamCredential): ProxyStream {
    const { log, observer = {}, patience = 5_000 } = this.options;
    const stream = new ProxyStream(variant, call.getPeer(), {
      clock: this.clock,
      log,
      observer,
      patience,
      quarantine: this.quarantine,
      room: this.room,
      write: (bytes, done) => {
        const cancel = this.clock.after(STALLED, () => this.guarded(stream, call, doesNotRead));
        call.write(bytes, () => {
          cancel();
          this.guarded(stream, call, done);
        });
      },
    });
    this.streams.set(stream, call);
    if (credential) this.credentials.set(stream, credential);
    observer.connected?.(this.streams.size);
    const limiter = new RequestLimiter(call, this.clock);

    call.on('data', (bytes: Buffer) => {
      limiter.count();
      this.guarded(stream, call, () => this.receive(stream, bytes));
    });
    call.on('end', () => call.end());
    // A broken connection is reported here and needs no more than the cleaning up that `close` does.
    call.on('error', () => this.forget(stream));
    call.on('cancelled', () => this.forget(stream));
    call.on('close', () => this.forget(stream));
    return stream;
  }

  private receive(stream: ProxyStream, bytes: Buffer): void {
    const isFirst = stream.node === undefined;
    stream.receive(bytes);
    if (isFirst && stream.node) {
      const { log } = this.options;
      const fields = { proxy: stream.node.id, peer: stream.peer, variant: stream.variant, envoy: stream.node.version };
      this.offer(stream);
      if (stream.isKnown) log.info(fields, 'proxy connected');
      else log.warn(fields, 'proxy connected; it is not known yet and waits for its configuration');
    }
    stream.pump();
    this.tell();
  }

  /** Runs work for one stream; whatever goes wrong ends that stream and nothing else. */
  private guarded(stream: ProxyStream, call: Call, work: () => void): void {
    try {
      work();
    } catch (error) {
      const { log, observer } = this.options;
      const { code, reason, details } = endingOf(error as Error);
      observer?.refused?.(reason);
      const fields = { proxy: stream.node?.id, peer: stream.peer, error: (error as Error).message };
      if (code === Code.INTERNAL)
        log.error({ ...fields, stack: (error as Error).stack }, 'stream ended: an error of ours');
      else log.warn(fields, 'stream ended: the proxy may not have this, or broke the protocol');
      this.forget(stream);
      call.emit('error', { code, details });
    }
  }

  private forget(stream: ProxyStream): void {
    if (!this.streams.delete(stream)) return;
    stream.close();
    this.dirty.delete(stream);
    this.options.connectionSecrets?.release(stream);
    if (stream.node) this.failures.delete(stream.node.id);
    const { log, observer } = this.options;
    observer?.disconnected?.(this.streams.size);
    this.tell();
    if (stream.node) log.info({ proxy: stream.node.id, peer: stream.peer }, 'proxy disconnected');
  }

  private startRound(): void {
    this.changedAt = this.clock.now();
    for (const stream of this.streams.keys()) if (stream.node) this.dirty.add(stream);
    if (this.isRoundUnderWay) return;
    this.isRoundUnderWay = true;
    setImmediate(() => this.continueRound());
  }

  private continueRound(): void {
    const end = this.clock.now() + SLICE;
    for (const stream of this.dirty) {
      this.dirty.delete(stream);
      const call = this.streams.get(stream);
      if (!call) continue;
      this.guarded(stream, call, () => {
        const wasKnown = stream.isKnown;
        this.offer(stream, this.changedAt);
        if (stream.isKnown && !wasKnown) {
          this.options.log.info({ proxy: stream.node?.id }, 'proxy is known now and gets its configuration');
        }
        stream.pump();
      });
      if (this.clock.now() >= end) break;
    }
    this.isRoundUnderWay = this.dirty.size > 0;
    if (this.isRoundUnderWay) setImmediate(() => this.continueRound());
    else this.tell();
  }

  /** Undefined until the secrets are made: a proxy that was told that there are none would not wait for them. */
  private withSecrets(stream: ProxyStream, snapshot: Snapshot, proof: Proof | undefined): Snapshot | undefined {
    if (!proof?.getsKey) return snapshot;
    const own = this.options.connectionSecrets?.secretsOf(stream, proof.identity);
    if (!own) return undefined;
    const last = this.overlaid.get(stream);
    if (last?.snapshot === snapshot && last.own === own) return last.result;
    const names = new Set(own.map(({ name }) => name));
    const others = snapshot.secrets.filter(({ name }) => !names.has(name));
    const result = { ...snapshot, secrets: [...own, ...others].sort((a, b) => (a.name < b.name ? -1 : 1)) };
    this.overlaid.set(stream, { snapshot, own, result });
    return result;
  }

  private proofOf(stream: ProxyStream): Proof | undefined {
    const credential = this.credentials.get(stream);
    if (!credential) return undefined;
    const proof = { identity: credential.identity, address: addressOfPeer(stream.peer) };
    if (!this.options.connectionSecrets) return proof;
    return { ...proof, getsKey: credential.kind === 'token' || this.source.takesKey?.(stream.node!, proof) === true };
  }

  /** A translation that fails leaves the proxy with what it has. */
  private offer(stream: ProxyStream, changedAt?: number): void {
    const node = stream.node!;
    try {
      const proof = this.proofOf(stream);
      const snapshot = this.source.snapshot(node, proof);
      if (!snapshot && stream.isKnown && this.credentials.has(stream)) {
        throw new AccessDenied('the workload of the proxy is gone');
      }
      stream.offer(snapshot && this.withSecrets(stream, snapshot, proof), changedAt, this.source.generation);
      this.failures.delete(node.id);
    } catch (error) {
      if (error instanceof AccessDenied) throw error;
      const problem = (error as Error).message;
      if (this.failures.get(node.id) !== problem) {
        this.options.log.error({ proxy: node.id, error: problem, stack: (error as Error).stack }, 'translation failed');
      }
      this.failures.set(node.id, problem);
    }
  }
}

function doesNotRead(): never {
  throw new ProtocolError(`has not read for ${STALLED / 1000} s what it was sent`, 'slow');
}

/** What the client is told when its stream ends, and why it does. */
function endingOf(error: Error): { code: Code; reason: string; details: string } {
  if (error instanceof AccessDenied) {
    return { code: Code.PERMISSION_DENIED, reason: 'identity', details: 'the node is not that of the credential' };
  }
  if (!(error instanceof ProtocolError)) return { code: Code.INTERNAL, reason: 'internal', details: 'internal error' };
  const code = error.reason === 'invalid' ? Code.INVALID_ARGUMENT : Code.RESOURCE_EXHAUSTED;
  return { code, reason: error.reason, details: error.message };
}

async function shutDown(server: Server, graceMilliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMilliseconds);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

/** Reads more slowly from whoever sends more than its share: a bucket of one second's worth of requests. */
class RequestLimiter {
  private left = REQUESTS_PER_SECOND;
  private filledAt: number;

  constructor(
    private readonly call: Call,
    private readonly clock: Clock,
  ) {
    this.filledAt = clock.now();
  }

  count(): void {
    const now = this.clock.now();
    this.left = Math.min(REQUESTS_PER_SECOND, this.left + ((now - this.filledAt) * REQUESTS_PER_SECOND) / 1000);
    this.filledAt = now;
    if (--this.left > 0) return;
    this.call.pause();
    this.clock.after(100, () => this.call.resume());
  }
}
