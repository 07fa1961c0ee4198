/**
 * The manifests' own Prometheus configuration in a real Prometheus, and the manifests' own tracing into a real Jaeger,
 * both as Pods of Bookinfo's mesh on this machine: each in its own network, finding the others by name.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { ConfigMap } from '../../lib/api/kubernetes';
import { type RunningMesh, up } from '../../lib/local';
import { BookinfoManifests } from './bookinfo-manifests';
import { beside, burnTests, FAULT, LABELLED, panelQueries, ruleQueries, SERIES, TALK_TO_DB } from './observed';

const JAEGER_VERSION = '1.62.0';
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const jaeger = join(cache, 'malha', 'jaeger', JAEGER_VERSION, 'jaeger-all-in-one');
const run = promisify(execFile);
const PROMETHEUS = 'prometheus.malha-system';

jest.setTimeout(240_000);

interface Target {
  scrapePool: string;
  scrapeUrl: string;
  health: string;
  lastError: string;
}

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

interface Alert {
  labels: Record<string, string>;
}

interface Span {
  spanID: string;
  operationName: string;
  processID: string;
  references: { spanID: string }[];
}

interface Trace {
  spans: Span[];
  processes: Record<string, { serviceName: string }>;
}

/** Certificates that kubelets renew: proxies on one machine prove themselves by tokens. promtool's tests hold this alert. */
const OF_KUBELETS = 'envoy_cluster_ssl_certificate_';

describe('what looks at Bookinfo’s mesh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-observability-'));
  const configFile = join(folder, 'prometheus.yml');
  const manifests = new BookinfoManifests();
  let mesh: RunningMesh;

  beforeAll(async () => {
    for (const program of ['prometheus', 'promtool', 'prometheus-alertmanager']) {
      await run(program, ['--version']).catch(() => {
        throw new Error(`${program} is missing: run scripts/setup`);
      });
    }
    if (!existsSync(jaeger)) throw new Error(`${jaeger} is missing: run scripts/setup`);
    const { data } = manifests.object<ConfigMap>('ConfigMap', 'prometheus-config');
    // What the option `alertmanager` of Monitoring.bundled() writes.
    const alerting = { alertmanagers: [{ static_configs: [{ targets: ['alertmanager.malha-system:9093'] }] }] };
    writeFileSync(configFile, stringify({ ...parse(data!['prometheus.yml']!), alerting }));
    writeFileSync(join(folder, 'rules.yml'), data!['rules.yml']!);
    writeFileSync(
      join(folder, 'alertmanager.yml'),
      stringify({ route: { receiver: 'none' }, receivers: [{ name: 'none' }] }),
    );
    writeFileSync(
      join(manifests.dir, 'beside.yaml'),
      beside(folder)
        .map((object) => stringify(object))
        .join('---\n'),
    );
    manifests.runLocally(
      'prometheus',
      `prometheus --config.file=${configFile} --storage.tsdb.path=${folder}/data --web.listen-address=0.0.0.0:9090`,
    );
    manifests.runLocally('jaeger', jaeger);
    mesh = await up({ dir: manifests.dir, port: 0, httpsPort: 0 });
  });

  afterAll(async () => {
    await mesh?.stop();
    manifests.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const addresses = new Map<string, { host: string; port: number }>();
  const get = async <T>(pod: string, port: number, path: string): Promise<T> => {
    const key = `${pod}:${port}`;
    const address = addresses.get(key) ?? (await mesh.address(pod, port));
    addresses.set(key, address);
    const response = await fetch(`http://${address.host}:${address.port}${path}`);
    if (!response.ok) throw new Error(`${pod} answers ${response.status} to ${path}: ${await response.text()}`);
    return response.json() as Promise<T>;
  };

  const query = async (promql: string) => {
    const path = `/api/v1/query?query=${encodeURIComponent(promql)}`;
    return (await get<{ data: { result: Sample[] } }>(PROMETHEUS, 9090, path)).data.result;
  };

  /** As a browser does, which takes every name below .localhost for this machine; resolvers do not. */
  const browse = (path: string, headers: Record<string, string> = {}) => {
    const { host, port } = new URL(mesh.url!);
    return new Promise<number>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers: { host, ...headers } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      });
      sent.on('error', reject).end();
    });
  };

  test('Prometheus’ own tool finds nothing wrong with its configuration', async () => {
    const { stdout } = await run('promtool', ['check', 'config', configFile]);
    expect(stdout).toContain('SUCCESS');
    expect(stdout).toMatch(/\d+ rules found/);
  });

  test('Prometheus’ own tool runs the unit tests of the objectives’ rules', async () => {
    const file = join(folder, 'rules.test.yml');
    writeFileSync(file, stringify(burnTests, { aliasDuplicateObjects: false }));
    const { stdout, stderr } = await run('promtool', ['test', 'rules', file]).catch((error) => error);
    expect(stdout + stderr).toContain('SUCCESS');
  });

  test('Prometheus scrapes the control plane and every proxy, all of them up', async () => {
    const proxies = mesh.plan.pods.filter(({ processes }) => processes.some(({ kind }) => kind === 'proxy'));
    const wanted = [
      ...mesh.plan.pods.filter(({ id }) => id === mesh.plan.controlPlane!.pod).map(() => 'malha-control-plane'),
      ...proxies.map(({ ip }) => `http://${ip}:15090/stats/prometheus`),
    ];
    const targets = await until(
      async () => {
        const { data } = await get<{ data: { activeTargets: Target[] } }>(PROMETHEUS, 9090, '/api/v1/targets');
        return data.activeTargets.map(({ scrapePool, scrapeUrl, health, lastError }) =>
          health === 'up'
            ? scrapePool === 'malha-control-plane'
              ? scrapePool
              : scrapeUrl
            : `${scrapeUrl} ${health} ${lastError}`,
        );
      },
      (found) => found.length >= wanted.length && !found.some((line) => line.includes(' ')),
    );
    expect(targets.sort()).toEqual(wanted.sort());
  });

  test('Prometheus answers how many requests each service got', async () => {
    for (let i = 0; i < 10; i++) expect(await browse('/productpage')).toBe(200);
    const requests = 'sum by (destination_service_name) (istio_requests_total{reporter="source"})';
    const counts = await until(
      async () =>
        Object.fromEntries(
          (await query(requests)).map(({ metric, value }) => [metric.destination_service_name, Number(value[1])]),
        ),
      (found) => ['productpage', 'details', 'reviews'].every((service) => (found[service] ?? 0) >= 10),
    );
    // No more than were sent: a request that two proxies counted as theirs would show.
    expect(counts).toMatchObject({ productpage: 10, details: 10, reviews: 10 });
    expect(await query('process_cpu_seconds_total{job="malha-control-plane"}')).toHaveLength(1);
  });

  test('Prometheus finds every series that Istio’s dashboards ask for, by the same labels', async () => {
    await mesh.exec('productpage-v1.bookinfo', [process.execPath, '-e', TALK_TO_DB]);
    const wanted = [...SERIES.map((name) => name), ...LABELLED];
    const missing = await until(
      async () => {
        const answers = await Promise.all(wanted.map(async (selector) => ({ selector, found: await query(selector) })));
        return answers.filter(({ found }) => found.length === 0).map(({ selector }) => selector);
      },
      (selectors) => selectors.length === 0,
    );
    expect(missing).toEqual([]);
  });

  test('every query of every panel, rule and alert returns data', async () => {
    const all = [...panelQueries(manifests), ...ruleQueries(manifests)];
    const queries = all.filter((expr) => !expr.startsWith(OF_KUBELETS));
    expect(queries.length).toBeGreaterThan(60);
    // Prometheus takes these as well, and they have nothing to say here.
    for (const expr of all.filter((each) => !queries.includes(each))) expect(await query(expr)).toEqual([]);
    const empty = await until(
      async () => {
        await browse('/productpage', { 'end-user': 'jason' });
        const answers = await Promise.all(queries.map(async (expr) => ({ expr, found: await query(expr) })));
        return answers.filter(({ found }) => found.length === 0).map(({ expr }) => expr);
      },
      (left) => left.length === 0,
    );
    expect(empty).toEqual([]);
  });

  test('a service that nobody called shows no data, and no zero errors', async () => {
    const idle = panelQueries(manifests, 'nobody.bookinfo.svc.cluster.local').filter((expr) => expr.includes('nobody'));
    expect(idle.length).toBeGreaterThan(5);
    for (const expr of idle) expect(await query(expr)).toEqual([]);
  });

  test('Jaeger holds the trace of one request through gateway and services, every parent right', async () => {
    const trace = randomBytes(16).toString('hex');
    // One of a hundred is traced, but the caller has decided.
    const context = { traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01` };
    await browse('/productpage', { ...context, 'end-user': 'jason' });
    const found = await until(
      async () => (await get<{ data?: Trace[] }>('jaeger.malha-system', 16686, `/api/traces/${trace}`)).data?.[0],
      (got) => (got?.spans.length ?? 0) >= 8,
    );
    // The gateway; productpage in, and out twice; details; reviews in and out; ratings.
    expect(found!.spans).toHaveLength(8);
    const ids = new Set(found!.spans.map(({ spanID }) => spanID));
    const services = found!.spans.map(({ processID }) => found!.processes[processID]!.serviceName.split('.')[0]);
    expect([...new Set(services)].sort()).toEqual(['details', 'edge', 'productpage', 'ratings', 'reviews']);
    // Only the gateway's first span has a parent that is not here: the caller's.
    const orphans = found!.spans.filter(({ references }) => !references.some(({ spanID }) => ids.has(spanID)));
    expect(orphans).toHaveLength(1);
    expect(found!.processes[orphans[0]!.processID]!.serviceName).toMatch(/^edge/);
  });

  test('a fault burns the budget of a service, and its alert reaches Alertmanager', async () => {
    writeFileSync(join(manifests.dir, 'fault.yaml'), stringify(FAULT));
    const alerts = await until(
      async () => {
        await browse('/productpage');
        return get<Alert[]>('alertmanager.malha-system', 9093, '/api/v2/alerts');
      },
      (found) => found.some(({ labels }) => labels.alertname === 'ErrorBudgetBurn' && labels.severity === 'page'),
    );
    expect(alerts.map(({ labels }) => labels)).toContainEqual(
      expect.objectContaining({
        alertname: 'ErrorBudgetBurn',
        objective: 'availability',
        destination_service: 'details.bookinfo.svc.cluster.local',
      }),
    );
  });
});

/** Asks until the answer is good or a minute and a half have passed; then the last answer stands, whatever it is. */
async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    try {
      const answer = await ask();
      if (good(answer) || Date.now() > deadline) return answer;
    } catch (error) {
      // A program that starts refuses for a while.
      if (Date.now() > deadline) throw error;
    }
    await sleep(500);
  }
}
