/** What becomes of each part of a plugin in a program. */
import { ApiObject } from 'cdk8s';
import { parse } from 'yaml';
import { MeshService, Port, Tracing } from '../../constructs';
import { allow, definePlugin, PluginAuthorizer, type PluginHost } from '../../constructs/plugin';
import { Program } from './program';

const quota = (kind: string, place: (host: PluginHost) => PluginHost['scope'] = ({ scope }) => scope) =>
  definePlugin({
    name: '@shop/quota',
    apiVersion: 'v1',
    capabilities: { construct: { kinds: ['ResourceQuota'] } },
    construct: (host) => {
      new ApiObject(place(host), 'made', {
        apiVersion: 'v1',
        kind,
        metadata: { name: 'mesh', namespace: host.mesh.namespace },
      });
    },
  });
const timeouts = definePlugin({
  name: 'timeouts',
  apiVersion: 'v1',
  capabilities: { rules: { kinds: ['VirtualService'] } },
  rules: [{ name: 'needed', check: () => [{ message: 'there is no timeout', path: 'spec.http[0]', fix: 'add one' }] }],
});
const closed = definePlugin({
  name: 'closed',
  apiVersion: 'v1',
  capabilities: { patches: { resources: ['listener'] } },
  patches: [{ name: 'all', resource: 'listener', change: (listener) => ({ ...listener, filter_chains: [] }) }],
});
const tags = definePlugin({
  name: 'tags',
  apiVersion: 'v1',
  capabilities: { tags: { names: ['tenant'] } },
  tags: [
    { name: 'tenant', metrics: "request.headers['x-tenant']", spans: { header: 'x-tenant', defaultValue: 'none' } },
  ],
});
const tenants = definePlugin({
  name: '@shop/tenants',
  apiVersion: 'v1',
  capabilities: { checks: {} },
  checks: [{ name: 'all', check: () => allow() }],
});
const ownImage = { controlPlane: { image: 'shop/malha:1' } };

describe('a mesh that uses a plugin', () => {
  test('has the objects of its constructs', () => {
    const program = new Program();
    program.mesh.use(quota('ResourceQuota'));
    expect(program.object('ResourceQuota', 'mesh').metadata.namespace).toBe('malha-system');
    expect(program.complaint).toBe('nothing');
  });

  test('refuses at synthesis what its constructs write of a kind that was not declared', () => {
    const program = new Program();
    program.mesh.use(quota('ClusterRole'));
    expect(program.complaint).toContain('MAL0171');
    expect(program.complaint).toContain("add 'ClusterRole' to capabilities.construct.kinds");
  });

  test('refuses at once what its constructs write elsewhere', () => {
    const program = new Program();
    expect(() => program.mesh.use(quota('ResourceQuota', () => program.shop))).toThrow(
      'plugin @shop/quota writes outside of its own place',
    );
  });

  test('is judged by its rules at synthesis, which name the construct that wrote the object', () => {
    const program = new Program();
    program.mesh.use(timeouts);
    const reviews = new MeshService(program.shop, 'reviews', {
      mesh: program.mesh,
      port: Port.http(80),
      image: 'a/b:1',
    });
    expect(program.complaint).toBe('nothing');
    reviews.addRoute('all', { to: reviews.version('v1') });
    expect(program.complaint).toContain('MAL0060');
    expect(program.complaint).toContain('shop/reviews/VirtualService');
    expect(program.complaint).toContain('there is no timeout');
  });

  test('answers requests with its patches, and has its control plane load it', () => {
    const program = new Program(ownImage);
    const { mesh, shop } = program;
    const service = (id: string) => new MeshService(shop, id, { mesh, port: Port.http(80), image: `shop/${id}:1` });
    const [page, reviews] = [service('page'), service('reviews')];
    page.calls(reviews);
    const question = { from: page, to: reviews };
    expect(mesh.request(question).reaches(reviews)).toBe(true);
    mesh.use(closed);
    expect(mesh.request(question).reaches(reviews)).toBe(false);
    const { template } = program.object('Deployment', 'malha-control-plane').spec;
    expect(template.spec.containers[0].args.slice(-2)).toEqual(['--plugin', 'closed']);
    const standby = program.object('Deployment', 'malha-standby').spec.template.spec;
    expect(standby.containers[0].args.slice(-2)).toEqual(['--plugin', 'closed']);
    expect(template.metadata.annotations['malha.dev/run']).toMatch(/--plugin closed$/);
    expect(program.complaint).toBe('nothing');
  });

  test('needs an image that has the plugin, where that changes what the control plane makes', () => {
    const program = new Program();
    program.mesh.use(closed);
    expect(program.complaint).toContain('MAL0172');
  });

  test.each([{ tracing: Tracing.jaeger() }, { accessLogs: [] }])('has its tags on metrics and spans: %#', (props) => {
    const program = new Program(props);
    program.mesh.use(tags);
    const { metrics, tracing } = program.object('Telemetry', 'mesh-default').spec;
    expect(metrics[0].overrides).toContainEqual({
      match: { metric: 'REQUEST_COUNT' },
      tagOverrides: { tenant: { value: "request.headers['x-tenant']" } },
    });
    expect(tracing).toHaveLength(1);
    expect(tracing[0].customTags).toEqual({ tenant: { header: { name: 'x-tenant', defaultValue: 'none' } } });
    expect(program.complaint).toBe('nothing');
  });

  test('uses it once', () => {
    const { mesh } = new Program();
    expect(() => mesh.use(tags).use(tags)).toThrow('MAL0173');
  });
});

describe('an authorizer of plugins', () => {
  test('is a service of the mesh, and the provider that policies ask', () => {
    const program = new Program();
    const { mesh, shop } = program;
    const stock = new MeshService(shop, 'stock', { mesh, port: Port.http(80), image: 'shop/stock:1' });
    new PluginAuthorizer(shop, 'judge', { mesh, plugins: [tenants], image: 'shop/judge:1' }).decidesFor(stock);
    const { containers } = program.object('Deployment', 'judge-v1').spec.template.spec;
    const main = containers.find(({ name }: { name: string }) => name === 'main');
    expect(main.args.slice(0, 3)).toEqual(['authorizer', '--plugin', '@shop/tenants']);
    expect(parse(program.object('ConfigMap', 'istio').data.mesh).extensionProviders).toContainEqual({
      name: 'shop-judge-provider',
      envoyExtAuthzGrpc: { service: 'shop/judge.shop.svc.cluster.local', port: 9191, failOpen: false, timeout: '0.5s' },
    });
    expect(program.object('AuthorizationPolicy', 'stock-provider').spec.action).toBe('CUSTOM');
    // In a mesh that refuses undeclared calls, the proxies of the service may ask.
    expect(program.object('AuthorizationPolicy', 'judge-callers').spec.rules).toEqual([
      { from: [{ source: { principals: ['cluster.local/ns/shop/sa/stock'] } }] },
    ]);
    expect(program.complaint).toBe('nothing');
  });

  test('decides by checks, of which it needs one', () => {
    const { mesh, shop } = new Program();
    const of = (plugins: readonly (typeof tags)[]) => () =>
      new PluginAuthorizer(shop, `judge-${plugins.length}`, { mesh, plugins, image: 'shop/judge:1' });
    expect(of([])).toThrow('MAL0170');
    expect(of([tenants, tags])).toThrow('got: tags without any');
  });
});
