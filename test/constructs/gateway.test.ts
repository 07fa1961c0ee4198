import { Gateway, GatewayTls, Match, MeshService, Port, Workload } from '../../constructs';
import { Program } from './program';

function shop() {
  const program = new Program();
  const { mesh, shop } = program;
  const reviews = new MeshService(shop, 'reviews', {
    mesh,
    port: Port.http(9080),
    versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
  });
  const page = new MeshService(shop, 'page', { mesh, port: Port.http(9080), image: 'page:1' });
  return { program, mesh, shop, reviews, page };
}

describe('a gateway', () => {
  test('is an upstream Envoy of its own, which tools find and no other gateway shares', () => {
    const { program, mesh, shop: chart, page } = shop();
    new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] }).expose(page);
    const { replicas, selector, template } = program.object('Deployment', 'edge').spec;
    expect(replicas).toBe(2);
    expect(template.metadata.labels).toMatchObject({ istio: 'ingressgateway', 'malha.dev/gateway': 'shop.edge' });
    expect(template.spec.containers.map(({ name }: { name: string }) => name)).toEqual(['istio-proxy']);
    expect(template.spec.containers[0].args.join(' ')).toContain('router~$(POD_IP)');
    expect(template.spec.initContainers).toBeUndefined();
    expect(program.object('Gateway', 'edge').spec.selector).toEqual(selector.matchLabels);
    expect(program.object('Service', 'edge').spec).toMatchObject({
      type: 'LoadBalancer',
      selector: selector.matchLabels,
      ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' }],
    });
    expect(program.object('PodDisruptionBudget', 'edge').spec.minAvailable).toBe(1);
  });

  test('leaves the number of its replicas to an autoscaler where it may have more', () => {
    const { program, mesh, shop: chart, page } = shop();
    new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'], replicas: 3, maxReplicas: 12 }).expose(page);
    expect(program.object('Deployment', 'edge').spec.replicas).toBeUndefined();
    expect(program.object('HorizontalPodAutoscaler', 'edge').spec).toMatchObject({
      minReplicas: 3,
      maxReplicas: 12,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'edge' },
    });
  });

  test('serves paths in the order in which they were exposed', () => {
    const { program, mesh, shop: chart, page, reviews } = shop();
    const edge = new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] });
    edge.expose(page, { paths: ['/page', '/static'] });
    edge.expose(reviews, { paths: ['/reviews'], match: [Match.method('GET')] });
    const { hosts, gateways, http } = program.object('VirtualService', 'edge').spec;
    expect([hosts, gateways]).toEqual([['shop.example.com'], ['shop/edge']]);
    expect(http).toEqual([
      {
        name: 'page-default',
        match: [{ uri: { prefix: '/page' } }, { uri: { prefix: '/static' } }],
        route: [{ destination: { host: 'page.shop.svc.cluster.local', port: { number: 9080 } } }],
      },
      {
        name: 'reviews-default',
        match: [{ uri: { prefix: '/reviews' }, method: { exact: 'GET' } }],
        route: [{ destination: { host: 'reviews.shop.svc.cluster.local', port: { number: 9080 } } }],
      },
    ]);
  });

  test("keeps a service's own routes, narrowed to what is exposed", () => {
    const { program, mesh, shop: chart, page, reviews } = shop();
    reviews.addRoute('from-page', { match: [Match.caller(page)], to: reviews.version('v1') });
    reviews.addRoute('elsewhere', { match: [Match.pathPrefix('/admin')], to: reviews.version('v1') });
    reviews.addRoute('second', { match: [Match.path('/reviews/2')], to: reviews.version('v2') });
    reviews.addRoute('testers', { match: [Match.header('end-user', 'jason')], to: reviews.version('v2') });
    new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] }).expose(reviews, { paths: ['/reviews'] });
    const http = program.object('VirtualService', 'edge').spec.http as { name: string; match: unknown }[];
    expect(http.map(({ name, match }) => [name, match])).toEqual([
      ['reviews-second', [{ uri: { exact: '/reviews/2' } }]],
      ['reviews-testers', [{ headers: { 'end-user': { exact: 'jason' } }, uri: { prefix: '/reviews' } }]],
      ['reviews-default', [{ uri: { prefix: '/reviews' } }]],
    ]);
  });

  test('refuses what is exposed behind what takes all of its requests, and nothing else', () => {
    const behind = (first: object, then: object) => {
      const { program, mesh, shop: chart, page, reviews } = shop();
      const edge = new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] });
      edge.expose(page, first);
      edge.expose(reviews, then);
      return program.complaint;
    };
    const complaint = behind({ paths: ['/x'] }, { paths: ['/x/y'] });
    expect(complaint).toContain("MAL0105 shop/edge\n    reviews never sees a request under '/x/y'");
    expect(complaint).toContain('got: page before it takes everything under /x');
    expect(behind({}, { paths: ['/x'] })).toContain('MAL0105');
    expect(behind({ paths: ['/x'] }, { paths: ['/xy', '/'] })).toBe('nothing');
    expect(behind({ match: [Match.method('GET')] }, {})).toBe('nothing');
  });

  test('with TLS serves HTTPS, redirects plain HTTP, and lets the control plane and what stands by for it read that one Secret', () => {
    const { program, mesh, shop: chart, page } = shop();
    const tls = GatewayTls.fromSecret('shop-tls');
    new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'], tls }).expose(page);
    expect(program.object('Gateway', 'edge').spec.servers).toEqual([
      {
        port: { number: 80, name: 'http', protocol: 'HTTP' },
        hosts: ['shop.example.com'],
        tls: { httpsRedirect: true },
      },
      {
        port: { number: 443, name: 'https', protocol: 'HTTPS' },
        hosts: ['shop.example.com'],
        tls: { mode: 'SIMPLE', credentialName: 'shop-tls' },
      },
    ]);
    expect(program.object('Role', 'edge-certificate').rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['shop-tls'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(program.object('RoleBinding', 'edge-certificate').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'malha-control-plane', namespace: 'malha-system', apiGroup: '' },
      { kind: 'ServiceAccount', name: 'malha-standby', namespace: 'malha-system', apiGroup: '' },
    ]);
    expect(program.object('Service', 'edge').spec.ports[1]).toMatchObject({ port: 443, targetPort: 8443 });
  });
});
