/** Objects that no webhook has looked at, as an API server may hold them: each costs itself, and nothing beside. */
import type { KubeObject } from '../../lib/api/object';
import { developmentCertificate } from '../../lib/citadel/development-certificate';
import { complaintOfEnvoy } from '../../lib/local/envoy-validation';
import { complete } from '../../lib/world';
import { MeshSource } from '../../lib/xds/mesh-source';
import { silent } from './fake-client';

const NODE = { id: 'router~198.18.0.9~edge.shop~shop.svc.cluster.local' };

const gateway = (...names: string[]): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace: 'shop' },
  spec: {
    selector: { istio: 'edge' },
    servers: names.map((name, at) => ({
      port: { number: 8443 + at, name: `https-${name}`, protocol: 'HTTPS' },
      tls: { mode: 'SIMPLE', credentialName: name },
      hosts: [`${name}.example.com`],
    })),
  },
});
const edge: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'edge', namespace: 'shop', labels: { istio: 'edge' } },
  spec: { containers: [{ name: 'istio-proxy' }] },
  status: { podIP: '198.18.0.9' },
} as KubeObject;
const secret = (name: string, data: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace: 'shop' },
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  }) as KubeObject;

const secretsOf = (source: MeshSource) =>
  source
    .snapshot(NODE)!
    .secrets.flatMap((each) => {
      try {
        void each.version;
        return each.name;
      } catch {
        return [];
      }
    })
    .filter((name) => name.startsWith('kubernetes:'));

describe('a Secret that is half written', () => {
  it.each<[string, (pair: { cert: string; key: string }) => Record<string, string>]>([
    ['without a key', ({ cert }) => ({ 'tls.crt': cert })],
    ['with an empty key', ({ cert }) => ({ 'tls.crt': cert, 'tls.key': '' })],
    ['with half of a certificate', ({ cert, key }) => ({ 'tls.crt': cert.slice(0, cert.length / 2), 'tls.key': key })],
    ['with half of a key', ({ cert, key }) => ({ 'tls.crt': cert, 'tls.key': key.slice(0, key.length / 2) })],
    ['with nothing', () => ({})],
  ])('(%s) is not sent, the one beside it is, and it comes when it is whole', async (_, half) => {
    const [one, other] = await Promise.all(
      ['one.example.com', 'other.example.com'].map((host) => developmentCertificate([host])),
    );
    const pair = { cert: one!.certPem, key: one!.keyPem };
    const whole = secret('other', { 'tls.crt': other!.certPem, 'tls.key': other!.keyPem });
    const source = new MeshSource({ log: silent });
    source.update([edge, gateway('one', 'other'), whole, secret('one', half(pair))]);
    expect(secretsOf(source)).toEqual(['kubernetes://other']);
    source.update([edge, gateway('one', 'other'), whole, secret('one', { 'tls.crt': pair.cert, 'tls.key': pair.key })]);
    expect(secretsOf(source)).toEqual(['kubernetes://one', 'kubernetes://other']);
  });
});

describe('names of 63 characters', () => {
  it('make configuration that Envoy takes, whole', async () => {
    const name = `s${'x'.repeat(61)}e`;
    const objects: KubeObject[] = [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: name },
        spec: {
          clusterIP: '198.19.0.1',
          selector: { app: name },
          ports: [{ name: `http-${'p'.repeat(58)}`, port: 80 }],
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: name, labels: { app: name } },
        spec: { containers: [{ name: 'app', ports: [{ containerPort: 80 }] }] },
        status: { podIP: '198.18.0.9' },
      },
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: { name, namespace: name },
        spec: { host: name, subsets: [{ name, labels: { app: name } }] },
      },
    ] as KubeObject[];
    const source = new MeshSource({ log: silent, complete });
    source.update(objects);
    const snapshot = source.snapshot({ id: `sidecar~198.18.0.9~${name}.${name}~${name}.svc.cluster.local` })!;
    expect(snapshot.clusters.map((each) => each.name)).toContain(
      `outbound|80|${name}|${name}.${name}.svc.cluster.local`,
    );
    expect(await complaintOfEnvoy(snapshot)).toBe('');
  });
});

describe('an object that bypassed the webhook', () => {
  const route = (http: unknown): KubeObject =>
    ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { hosts: ['web'], http },
    }) as KubeObject;

  it.each<[string, unknown]>([
    ['a list of null', [null]],
    ['text in place of a list', 'x'],
    ['a million nested lists', JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`)],
    ['an expression larger than may be', [{ match: [{ uri: { regex: `(${'a'.repeat(100_000)})+` } }] }]],
  ])('with %s leaves the last good one and all others in force', (_, http) => {
    const source = new MeshSource({ log: silent });
    const good = route([{ directResponse: { status: 200 } }]);
    source.update([good, edge]);
    source.update([route(http), edge]);
    expect(source.configuration.state).toBe('stale');
    expect(source.objects).toEqual([good, edge]);
    expect(source.findings.filter(({ level }) => level === 'error').length).toBeGreaterThan(0);
  });
});
