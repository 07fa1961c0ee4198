/**
 * Bookinfo with the traces of a real Zipkin (B3, its own spans) and of a real Jaeger (W3C, OTLP), both as the manifests have them:
 * one request through gateway and services is one trace, every parent right, and as many are taken as is declared.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bookinfo } from '../../apps/bookinfo/mesh';
import { Percent, Tracing } from '../../constructs';
import { type RunningMesh, up } from '../../lib/local';
import { BookinfoManifests } from './bookinfo-manifests';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'malha');
const ZIPKIN = join(cache, 'zipkin', '3.5.1', 'zipkin.jar');
const JAEGER = join(cache, 'jaeger', '1.62.0', 'jaeger-all-in-one');
const SHARE = 0.2;
const REQUESTS = 200;

jest.setTimeout(240_000);

/** A span, whoever has kept it. */
interface Span {
  readonly trace: string;
  readonly id: string;
  readonly parent?: string;
  /** `productpage`. */
  readonly service: string;
  readonly isServer: boolean;
}

interface Store {
  readonly name: 'zipkin' | 'jaeger';
  readonly tracing: Tracing;
  readonly command: string;
  readonly file: string;
  readonly port: number;
  /** The spans of all traces, or of one. */
  spans(get: (path: string) => Promise<unknown>, trace?: string): Promise<Span[]>;
  /** Headers of a caller that has decided. */
  context(trace: string, span: string, isSampled: boolean): Record<string, string>;
}

interface ZipkinSpan {
  traceId: string;
  id: string;
  parentId?: string;
  kind: string;
  localEndpoint: { serviceName: string };
}

interface JaegerTrace {
  spans: {
    traceID: string;
    spanID: string;
    processID: string;
    references: { spanID: string }[];
    tags: { key: string; value: unknown }[];
  }[];
  processes: Record<string, { serviceName: string }>;
}

/** Zipkin's spans bear the name of the workload, those by OTLP that of the service. */
const shortName = (service: string) => service.split('.')[0]!.replace(/-v\d$/, '');

const zipkin: Store = {
  name: 'zipkin',
  tracing: Tracing.zipkin({ sampling: Percent.of(100 * SHARE) }),
  command: `java -Xmx256m -jar ${ZIPKIN}`,
  file: ZIPKIN,
  port: 9411,
  async spans(get, trace) {
    const path = trace ? `/api/v2/trace/${trace}` : '/api/v2/traces?limit=5000&lookback=3600000';
    const found = (await get(path)) as ZipkinSpan[] | ZipkinSpan[][];
    return found.flat().map(({ traceId, id, parentId, kind, localEndpoint }) => ({
      trace: traceId,
      id,
      ...(parentId && { parent: parentId }),
      service: shortName(localEndpoint.serviceName),
      isServer: kind === 'SERVER',
    }));
  },
  context: (trace, span, isSampled) => ({
    'x-b3-traceid': trace,
    'x-b3-spanid': span,
    'x-b3-sampled': isSampled ? '1' : '0',
  }),
};

const jaeger: Store = {
  name: 'jaeger',
  tracing: Tracing.jaeger({ sampling: Percent.of(100 * SHARE) }),
  command: JAEGER,
  file: JAEGER,
  port: 16686,
  async spans(get, trace) {
    const services = ((await get('/api/services')) as { data: string[] | null }).data ?? [];
    const edge = services.find((service) => service.startsWith('edge'));
    if (!trace && !edge) return [];
    const path = trace ? `/api/traces/${trace}` : `/api/traces?service=${edge}&limit=1500&lookback=1h`;
    const { data } = (await get(path)) as { data: JaegerTrace[] | null };
    return (data ?? []).flatMap(({ spans, processes }) =>
      spans.map(({ traceID, spanID, processID, references, tags }) => ({
        trace: traceID,
        id: spanID,
        ...(references[0] && { parent: references[0].spanID }),
        service: shortName(processes[processID]!.serviceName),
        isServer: tags.some(({ key, value }) => key === 'span.kind' && value === 'server'),
      })),
    );
  },
  context: (trace, span, isSampled) => ({ traceparent: `00-${trace}-${span}-0${isSampled ? 1 : 0}` }),
};

describe.each([zipkin, jaeger])(
  'the traces that $name keeps',
  ({ name, tracing, command, file, port, spans, context }) => {
    let manifests: BookinfoManifests | undefined;
    let mesh: RunningMesh | undefined;
    let base: string;

    beforeAll(async () => {
      if (!existsSync(file)) throw new Error(`${file} is missing: run scripts/setup`);
      manifests = new BookinfoManifests((app) => void bookinfo(app, tracing));
      manifests.runLocally(name, command);
      mesh = await up({ dir: manifests.dir, port: 0, httpsPort: 0, timeoutMs: 120_000 });
      const { host, port: local } = await mesh.address(`${name}.malha-system`, port);
      base = `http://${host}:${local}`;
    });

    afterAll(async () => {
      await mesh?.stop();
      manifests?.remove();
    });

    const get = async (path: string): Promise<unknown> => {
      const response = await fetch(`${base}${path}`);
      if (response.status === 404) return name === 'zipkin' ? [] : { data: [] };
      if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
      return response.json();
    };
    const browse = (headers: Record<string, string> = {}) => {
      const { host, port: gateway } = new URL(mesh!.url!);
      return new Promise<number>((resolve, reject) => {
        const options = { host: '127.0.0.1', port: gateway, path: '/productpage', headers: { host, ...headers } };
        request(options, (response) => response.resume().on('end', () => resolve(response.statusCode!)))
          .on('error', reject)
          .end();
      });
    };
    const until = async <T>(ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> => {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const answer = await ask();
        if (good(answer) || Date.now() > deadline) return answer;
        await sleep(300);
      }
    };

    test('hold one request through the gateway and four services as one trace, every parent right', async () => {
      const [trace, caller] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
      expect(await browse({ ...context(trace, caller, true), 'end-user': 'jason' })).toBe(200);
      const found = await until(
        () => spans(get, trace),
        (all) => all.length >= 8,
      );
      const byId = new Map(found.map((span) => [span.id, span]));
      const described = found.map((span) => {
        const parent = byId.get(span.parent ?? '');
        const side = (each: Span) => `${each.service} ${each.isServer ? 'answers' : 'asks'}`;
        return `${side(span)} < ${parent ? side(parent) : span.parent === caller ? 'the caller' : 'nobody'}`;
      });
      expect(described.sort()).toEqual([
        'details answers < productpage asks',
        'edge asks < the caller',
        'productpage answers < edge asks',
        'productpage asks < productpage answers',
        'productpage asks < productpage answers',
        'ratings answers < reviews asks',
        'reviews answers < productpage asks',
        'reviews asks < reviews answers',
      ]);
    });

    test('hold nothing of a request whose caller has decided against it', async () => {
      const [trace, caller] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
      expect(await browse(context(trace, caller, false))).toBe(200);
      await sleep(3_000);
      expect(await spans(get, trace)).toEqual([]);
    });

    test('are as many as is declared, and each is whole', async () => {
      const traces = async () => {
        const byTrace = new Map<string, Span[]>();
        for (const span of await spans(get)) byTrace.set(span.trace, [...(byTrace.get(span.trace) ?? []), span]);
        return byTrace;
      };
      const before = await traces();
      for (let n = 0; n < REQUESTS; n++) expect(await browse()).toBe(200);
      await sleep(6_000);
      const taken = [...(await traces())].filter(([id]) => !before.has(id)).map(([, all]) => all);
      // Five standard deviations of so many tosses of such a coin.
      const [mean, deviation] = [REQUESTS * SHARE, Math.sqrt(REQUESTS * SHARE * (1 - SHARE))];
      expect(taken.length).toBeGreaterThan(mean - 5 * deviation);
      expect(taken.length).toBeLessThan(mean + 5 * deviation);
      // Nobody on the way tosses again: gateway, page, details and reviews are there, whatever version answered.
      const services = taken.map((all) => new Set(all.map(({ service }) => service)));
      expect(
        services.filter((each) => !['edge', 'productpage', 'details', 'reviews'].every((one) => each.has(one))),
      ).toEqual([]);
    });
  },
);
