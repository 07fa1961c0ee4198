import { App, Chart, Size, Testing } from 'cdk8s';
import { parse } from 'yaml';
import { Duration, Mesh, MeshService, Monitoring, Percent, Port } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';

/** The objects of a mesh's system chart, with one service that promises something. */
function systemOf(monitoring: Monitoring, slo: Parameters<MeshService['slo']>[0] = {}): KubeObject[] {
  const app = new App();
  const mesh = new Mesh(app, 'mesh', { monitoring });
  const chart = new Chart(app, 'shop', { namespace: 'shop' });
  new MeshService(chart, 'web', { mesh, port: Port.http(80), image: 'shop/web:1' }).slo(slo);
  const system = app.node.findChild('mesh-system') as Chart;
  return Testing.synth(system) as KubeObject[];
}

/** Manifests are asked for what they hold, not for their types. */
// biome-ignore lint/suspicious/noExplicitAny: parsed YAML and JSON.
type Loose = any;

const named = (objects: readonly KubeObject[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name) as unknown as Loose;

const promised = { availability: Percent.of(99.9), latency: { within: Duration.millis(250), share: Percent.of(99) } };

describe('the bundled monitoring', () => {
  test('has rules for what services promise, declared before or after it', () => {
    const { data } = named(systemOf(Monitoring.bundled(), promised), 'ConfigMap', 'prometheus-config');
    const { groups } = parse(data['rules.yml']);
    expect(groups.map(({ name }: { name: string }) => name)).toEqual([
      'malha',
      'objective-availability-web.shop.svc.cluster.local',
      'objective-latency-web.shop.svc.cluster.local',
    ]);
    expect(data['rules.yml']).toContain('le=~"250(\\\\.0)?"');
  });

  test('replaces Prometheus when its rules change, and only then', () => {
    const hash = (slo: object) => {
      const deployment = named(systemOf(Monitoring.bundled(), slo), 'Deployment', 'prometheus');
      return deployment.spec.template.metadata.annotations['malha.dev/config-hash'];
    };
    expect(hash(promised)).toBe(hash(promised));
    expect(hash(promised)).not.toBe(hash({}));
  });

  test('keeps samples on a volume, for as long as is asked, and tells an Alertmanager', () => {
    const objects = systemOf(
      Monitoring.bundled({
        retention: Duration.days(14),
        storage: { size: Size.gibibytes(10), className: 'fast' },
        alertmanager: 'alertmanager.monitoring:9093',
      }),
    );
    expect(named(objects, 'PersistentVolumeClaim', 'prometheus-data').spec).toMatchObject({
      resources: { requests: { storage: '10Gi' } },
      storageClassName: 'fast',
    });
    const { template } = named(objects, 'Deployment', 'prometheus').spec;
    expect(template.spec.volumes).toContainEqual(
      expect.objectContaining({ persistentVolumeClaim: expect.objectContaining({ claimName: 'prometheus-data' }) }),
    );
    expect(template.spec.containers[0].args).toEqual(
      expect.arrayContaining(['--storage.tsdb.retention.time=336h', '--storage.tsdb.retention.size=8192MB']),
    );
    const config = parse(named(objects, 'ConfigMap', 'prometheus-config').data['prometheus.yml']);
    expect(config.alerting.alertmanagers[0].static_configs[0].targets).toEqual(['alertmanager.monitoring:9093']);
  });

  test('shows the first service of the program at first', () => {
    const { data } = named(systemOf(Monitoring.bundled()), 'ConfigMap', 'grafana-dashboards');
    expect(Object.keys(data).sort()).toEqual(['control-plane.json', 'mesh.json', 'service.json', 'workload.json']);
    expect(JSON.parse(data['service.json']).templating.list[0].current.value).toBe('web.shop.svc.cluster.local');
    expect(JSON.parse(data['workload.json']).templating.list.map((each: Loose) => each.current.value)).toEqual([
      'shop',
      'web-v1',
    ]);
  });
});

describe('monitoring by the operator that a cluster has', () => {
  const objects = systemOf(Monitoring.operator({ labels: { team: 'a' } }), promised);

  test('installs nothing, and is found by its labels', () => {
    const installed = objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
    expect(installed.filter((name) => !name.startsWith('malha-'))).toEqual([]);
    for (const kind of ['PodMonitor', 'ServiceMonitor', 'PrometheusRule']) {
      expect(objects.find((object) => object.kind === kind)!.metadata.labels).toMatchObject({ team: 'a' });
    }
    expect(named(objects, 'ConfigMap', 'malha-dashboards').metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  });

  test('cuts Envoy’s prefix, and has the same rules', () => {
    const [endpoint] = named(objects, 'PodMonitor', 'malha-proxies').spec.podMetricsEndpoints;
    expect(endpoint.metricRelabelings[0]).toMatchObject({ regex: 'envoy_(istio_.*)', targetLabel: '__name__' });
    expect(named(objects, 'PrometheusRule', 'malha').spec.groups).toHaveLength(3);
  });
});

describe('an objective', () => {
  test.each([
    [{ availability: Percent.of(100) }, /100 %; allowed: less than 100 %/],
    [{ latency: { within: Duration.millis(300), share: Percent.of(99) } }, /300 ms; allowed: one of 1, 5, 10/],
  ])('that cannot be kept or measured is refused: %j', (slo, message) => {
    expect(() => systemOf(Monitoring.bundled(), slo)).toThrow(message);
  });
});
