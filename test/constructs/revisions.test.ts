import { parse } from 'yaml';
import { Gateway, GatewayTls, MeshService, Monitoring, Port, Workload } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';
import { Program } from './program';

const REVISION = 'istio.io/rev';
const idOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

function twoRevisions(props: ConstructorParameters<typeof Program>[0] = {}) {
  const program = new Program(props);
  const canary = program.mesh.addRevision({
    revision: 'v2',
    image: 'malha:2',
    proxyImage: 'envoy:2',
    tags: ['canary'],
  });
  return { program, canary };
}
const web = (program: Program) =>
  new MeshService(program.shop, 'web', {
    mesh: program.mesh,
    port: Port.http(80),
    versions: { v1: Workload.image('web:1') },
  });

describe('a second revision of the control plane', () => {
  const { program } = twoRevisions({ controlPlane: { deployGateways: true } });
  const { objects } = program;
  const ofRevision = (revision: string) => objects.filter(({ metadata }) => metadata.labels?.[REVISION] === revision);

  test('stands beside the first: no object of one is an object of the other, and both have the same', () => {
    expect(new Set(objects.map(idOf)).size).toBe(objects.length);
    const plain = ofRevision('v2').map((object) => idOf(object).replaceAll('-v2', ''));
    expect(plain.filter((id) => !id.includes('.tag-') && !id.includes('malha-tag-'))).toEqual(
      ofRevision('default').map(idOf),
    );
  });

  test('leaves the first as it is without it', () => {
    const alone = new Program({ controlPlane: { deployGateways: true } }).objects;
    expect(objects.filter(({ metadata }) => ![metadata.labels?.[REVISION]].includes('v2'))).toEqual(alone);
  });

  test('has Pods that no selector of the first one means, and the other way round', () => {
    const pods = (name: string) => program.object('Deployment', name).spec.template.metadata.labels;
    const selectors = (revision: string) =>
      ofRevision(revision).flatMap((object) => {
        const { selector } = (object.spec ?? {}) as { selector?: { matchLabels?: object } };
        return selector ? [(selector.matchLabels ?? selector) as Record<string, string>] : [];
      });
    const isMeant = (labels: Record<string, string>, selector: Record<string, string>) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    for (const [name, own, other] of [
      ['malha-control-plane', 'default', 'v2'],
      ['malha-control-plane-v2', 'v2', 'default'],
      ['malha-standby', 'default', 'v2'],
      ['malha-standby-v2', 'v2', 'default'],
    ] as const) {
      const labels = pods(name);
      expect(selectors(own).filter((selector) => isMeant(labels, selector)).length).toBeGreaterThan(2);
      expect(selectors(other).filter((selector) => isMeant(labels, selector))).toEqual([]);
    }
    // What stands in clusters cannot be changed.
    expect(program.object('Deployment', 'malha-control-plane').spec.selector.matchLabels).toEqual({
      app: 'malha-control-plane',
    });
  });

  test('runs as itself, and writes its own Leases, webhooks and configuration alone', () => {
    const { args } = program.object('Deployment', 'malha-control-plane-v2').spec.template.spec.containers[0];
    expect(args.join(' ')).toContain('--revision v2');
    const rules = program.object('Role', 'malha-control-plane-v2').rules as { resourceNames?: string[] }[];
    expect(rules.flatMap(({ resourceNames = [] }) => resourceNames).sort()).toEqual(
      ['cacerts', 'istio', 'istio-v2', 'malha-ca-secret', 'malha-leader', 'malha-leader-v2'].sort(),
    );
    const config = parse(program.object('ConfigMap', 'istio-v2').data.mesh);
    expect(config.extensionProviders[0].envoyHttpAls.service).toBe(
      'malha-control-plane-v2.malha-system.svc.cluster.local',
    );
  });

  test('has tags, which lead to it', () => {
    const [webhook] = program.object('MutatingWebhookConfiguration', 'malha-injector-malha-system.tag-canary').webhooks;
    expect(webhook.clientConfig.service.name).toBe('malha-control-plane-v2');
    expect(webhook.namespaceSelector.matchExpressions).toContainEqual({
      key: REVISION,
      operator: 'In',
      values: ['canary'],
    });
  });

  test('may read what the first may of gateways, wherever it is declared', () => {
    const { program: other } = twoRevisions();
    new Gateway(other.shop, 'edge', {
      mesh: other.mesh,
      hosts: ['shop.example.com'],
      tls: GatewayTls.fromSecret('shop-tls'),
    }).expose(web(other));
    other.mesh.addRevision({ revision: 'v3' });
    const { subjects } = other.object('RoleBinding', 'edge-certificate');
    const names = (subjects as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('malha-control-plane'))).toEqual([
      'malha-control-plane',
      'malha-control-plane-v2',
      'malha-control-plane-v3',
    ]);
  });

  test('is scraped, and tells which proxies are', () => {
    const { program: other } = twoRevisions({ monitoring: Monitoring.bundled() });
    const config = parse(other.object('ConfigMap', 'prometheus-config').data['prometheus.yml']);
    const host = (name: string) => `${name}.malha-system.svc.cluster.local:15014`;
    const both = [host('malha-control-plane'), host('malha-control-plane-v2')];
    expect(config.scrape_configs[0].static_configs[0].targets).toEqual(both);
    expect(config.scrape_configs[1].http_sd_configs.map(({ url }: { url: string }) => url)).toEqual(
      both.map((each) => `http://${each}/sd/targets`),
    );
  });
});

describe('the Pods of a namespace', () => {
  test.each(['v2', 'canary'])(
    'have the control plane that is asked for by %s, written here or injected there',
    (name) => {
      const { program } = twoRevisions();
      web(program);
      program.mesh.addNamespaceRevision('shop', name);
      const { labels } = program.object('Namespace', 'shop').metadata;
      expect(labels).toMatchObject({ [REVISION]: name });
      expect(labels).not.toHaveProperty('istio-injection');
      const pod = JSON.stringify(program.object('Deployment', 'web-v1').spec.template.spec);
      expect(pod).toContain('malha-control-plane-v2.malha-system.svc.cluster.local');
      expect(pod).toContain('malha-standby-v2.malha-system.svc.cluster.local');
      expect(pod).toContain('"image":"envoy:2"');
      expect(pod).not.toContain('malha-control-plane.malha-system');
    },
  );

  test('have the first one where nothing is said', () => {
    const { program } = twoRevisions();
    web(program);
    expect(program.object('Namespace', 'shop').metadata.labels).toMatchObject({ 'istio-injection': 'enabled' });
    expect(JSON.stringify(program.object('Deployment', 'web-v1'))).not.toContain('-v2');
  });

  test('of a mesh whose only revision has the tag default are asked for as ever', () => {
    const program = new Program({ controlPlane: { revision: 'v2', tags: ['default'] } });
    web(program);
    expect(program.object('Namespace', 'shop').metadata.labels).toMatchObject({ 'istio-injection': 'enabled' });
  });

  test('wait for nobody that the program does not know', () => {
    const { program } = twoRevisions();
    program.mesh.addNamespaceRevision('shop', 'v3');
    expect(program.complaint).toContain('MAL0192');
    expect(program.complaint).toContain('allowed: default, v2, canary');
  });
});

test('a name is of one revision or tag', () => {
  const { program } = twoRevisions();
  expect(() => program.mesh.addRevision({ revision: 'canary' })).toThrow(/MAL0191 .*'canary' twice/);
  expect(() => new Program({ controlPlane: { tags: ['default'] } })).toThrow(/MAL0191 .*'default' twice/);
});

test.each(['V2', 'a.b', '-a', 'x'.repeat(44)])('%s is no name of a revision', (revision) => {
  expect(() => new Program().mesh.addRevision({ revision })).toThrow(/MAL0190/);
});

test('a provider is told to every revision, declared before or after it', () => {
  const { program } = twoRevisions();
  program.mesh.addExtensionProvider({ name: 'opa', envoyExtAuthzGrpc: { service: 'opa.shop', port: 9191 } });
  program.mesh.addRevision({ revision: 'v3' });
  for (const name of ['istio', 'istio-v2', 'istio-v3']) {
    expect(program.object('ConfigMap', name).data.mesh).toContain('opa.shop');
  }
});
