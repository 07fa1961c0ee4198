import * as fc from 'fast-check';
import type { KubeObject } from '../../lib/api';
import { withOrigin } from '../../lib/api/origin';
import { analyze } from '../../lib/galley';
import { destinationRule, gateway, object, service, serviceEntry, to, virtualService } from './objects';

/** Errors and warnings; what is for information has cases of its own. */
const codes = (objects: KubeObject[], options = {}) =>
  analyze(objects, options)
    .filter(({ level }) => level !== 'info')
    .map((finding) => `${finding.code} ${finding.resource} ${finding.path}`);

const route = (destination: object, name = 'reviews') =>
  virtualService({ hosts: [name], http: [{ route: [destination] }] }, name);

describe('the root namespace', () => {
  it('is where the mesh configuration is, also elsewhere than in istio-system', () => {
    const policy = object('security.istio.io/v1', 'AuthorizationPolicy', 'nothing', {}, 'mesh');
    const configuration = {
      ...object('v1', 'ConfigMap', 'istio', undefined, 'mesh'),
      data: { mesh: 'rootNamespace: mesh' },
    };
    expect(codes([policy])).toEqual(['IST0127 AuthorizationPolicy mesh/nothing metadata.namespace']);
    expect(codes([policy, configuration])).toEqual([]);
  });
});

describe('a route to a service', () => {
  it('that exists, by its short or full name, has nothing said about it', () => {
    expect(codes([service('reviews'), route(to('reviews'))])).toEqual([]);
    expect(codes([service('reviews'), route(to('reviews.shop.svc.cluster.local'))])).toEqual([]);
    expect(codes([serviceEntry({ hosts: ['*.example.com'], ports: [] }), route(to('api.example.com'))])).toEqual([]);
  });

  it('that does not exist is an error with the nearest name', () => {
    expect(analyze([service('reviews'), route(to('review'))])).toEqual([
      expect.objectContaining({
        code: 'IST0101',
        level: 'error',
        analyzer: 'virtualservice.DestinationHostAnalyzer',
        path: 'spec.http[0].route[0].destination.host',
        message: 'there is no service review in namespace shop, did you mean reviews?',
        fix: 'write reviews',
      }),
    ]);
  });

  it('of another namespace, without its namespace, is answered with the full name', () => {
    const [finding] = analyze([service('reviews', [80], 'other'), route(to('reviews'))]);
    expect(finding?.fix).toBe('write reviews.other.svc.cluster.local');
  });

  it('that its namespace does not see is an error', () => {
    const hidden = serviceEntry({ hosts: ['api.example.com'], ports: [], exportTo: ['.'] }, 'api', 'other');
    expect(codes([hidden, route(to('api.example.com'))])).toEqual([
      'IST0101 VirtualService shop/reviews spec.http[0].route[0].destination.host',
    ]);
  });

  it('with several ports has to say which one, and one that there is', () => {
    const port = (number: number) => ({ destination: { host: 'reviews', port: { number } } });
    expect(codes([service('reviews', [80, 81]), route(to('reviews'))])[0]).toMatch(/^IST0112/);
    expect(codes([service('reviews', [80, 81]), route(port(81))])).toEqual([]);
    expect(codes([service('reviews', [80]), route(port(82))])).toEqual([
      'IST0101 VirtualService shop/reviews spec.http[0].route[0].destination.port.number',
    ]);
  });

  it('in the root namespace, of which the files hold nothing, is for information', () => {
    const away = virtualService({ hosts: ['a.b'], http: [{ route: [to('solver')] }] }, 'acme', 'istio-system');
    expect(analyze([away])[0]?.level).toBe('info');
    expect(analyze([away], { rootNamespace: 'malha-system' })[0]?.level).toBe('error');
  });

  it('is judged wherever it stands: mirrors, TLS and TCP', () => {
    const spec = {
      hosts: ['a.b'],
      http: [{ route: [to('reviews')], mirror: { host: 'x1' }, mirrors: [to('x2')] }],
      tls: [{ match: [{ sniHosts: ['a.b'] }], route: [to('x3')] }],
      tcp: [{ route: [to('x4')] }],
    };
    expect(codes([service('reviews'), virtualService(spec)]).map((text) => text.split(' ')[3])).toEqual([
      'spec.http[0].mirror.host',
      'spec.http[0].mirrors[0].destination.host',
      'spec.tls[0].route[0].destination.host',
      'spec.tcp[0].route[0].destination.host',
    ]);
  });
});

describe('a route to a subset', () => {
  const rule = destinationRule({ host: 'reviews', subsets: [{ name: 'v1' }, { name: 'v2' }] });

  it('that a DestinationRule defines is fine, also by the full name', () => {
    expect(codes([service('reviews'), rule, route(to('reviews', 'v2'))])).toEqual([]);
    expect(codes([service('reviews'), rule, route(to('reviews.shop.svc.cluster.local', 'v1'))])).toEqual([]);
  });

  it('that none defines is an error that lists those that there are', () => {
    const findings = analyze([service('reviews'), rule, route(to('reviews', 'v3'))]);
    expect(findings.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        code: 'IST0101',
        path: 'spec.http[0].route[0].destination.subset',
        message: 'reviews has no subset v3, its subsets are v1, v2',
      }),
    ]);
  });
});

describe('a host that is claimed twice', () => {
  const claim = (name: string, hosts: string[], fields: object = {}, namespace = 'shop') =>
    virtualService({ hosts, http: [{ redirect: { uri: '/' } }], ...fields }, name, namespace);

  it('is one error for each claimant, which names the other and its place', () => {
    const first = withOrigin(claim('a', ['reviews']), { file: 'a.yaml', line: 1 });
    const second = withOrigin(claim('b', ['reviews.shop.svc.cluster.local']), { construct: 'shop/b' });
    expect(analyze([first, second])).toEqual([
      expect.objectContaining({
        code: 'IST0109',
        resource: 'VirtualService shop/a',
        message: expect.stringContaining('is claimed by VirtualService shop/b (shop/b) too'),
      }),
      expect.objectContaining({ message: expect.stringContaining('VirtualService shop/a (a.yaml:1) too') }),
    ]);
  });

  it('in namespaces that do not see each other is two hosts', () => {
    const local = { exportTo: ['.'] };
    expect(codes([claim('a', ['x.y'], local), claim('a', ['x.y'], local, 'other')])).toEqual([]);
  });

  it('for one namespace and for all is a conflict, wildcards included', () => {
    expect(codes([claim('a', ['api.x.y'], { exportTo: ['.'] }), claim('b', ['*.x.y'], {}, 'other')])).toHaveLength(2);
  });

  it('by a name and by a wildcard, both for all, is not one: the name wins', () => {
    expect(codes([claim('a', ['api.x.y']), claim('b', ['*.x.y'])])).toEqual([]);
  });

  it('at a gateway only is not a matter of sidecars', () => {
    const edge = gateway({ servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] });
    expect(
      codes([edge, claim('a', ['x.y'], { gateways: ['edge'] }), claim('b', ['x.y'], { gateways: ['edge'] })]),
    ).toEqual([]);
  });
});

describe('a gateway', () => {
  const server = (hosts: string[], number = 80) => ({ port: { number, name: 'http', protocol: 'HTTP' }, hosts });
  const edge = gateway({ selector: { istio: 'edge' }, servers: [server(['a.b'])] });
  const proxies = object('apps/v1', 'Deployment', 'edge', { template: { metadata: { labels: { istio: 'edge' } } } });
  const front = (ports: object[]) => object('v1', 'Service', 'edge', { selector: { istio: 'edge' }, ports });

  it('that a VirtualService names has to exist', () => {
    const lost = virtualService({ hosts: ['a.b'], gateways: ['egde'], http: [{ redirect: { uri: '/' } }] });
    const findings = analyze([edge, proxies, front([{ port: 80 }]), lost]);
    expect(findings[0]).toMatchObject({ code: 'IST0101', path: 'spec.gateways[0]', fix: 'write shop/edge' });
  });

  it('that serves none of the hosts of a VirtualService is a warning', () => {
    const other = virtualService({ hosts: ['c.d'], gateways: ['edge'], http: [{ redirect: { uri: '/' } }] });
    expect(codes([edge, proxies, front([{ port: 80 }]), other])).toEqual([
      'IST0132 VirtualService shop/reviews spec.gateways[0]',
    ]);
  });

  it('has proxies, unless it is the one that an installation brings', () => {
    expect(codes([edge])).toEqual([
      'IST0101 Gateway shop/edge spec.selector',
      'IST0101 Gateway shop/edge spec.selector',
    ]);
    expect(codes([gateway({ selector: { istio: 'ingressgateway' }, servers: [server(['a.b'])] })])).toEqual([]);
  });
});

describe('two DestinationRules of one host', () => {
  it('are merged where they agree, and both told of where they do not', () => {
    const policy = { trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } };
    const a = destinationRule({ host: 'reviews', ...policy, subsets: [{ name: 'v1' }] }, 'a');
    const reviews = service('reviews');
    expect(codes([reviews, a, destinationRule({ host: 'reviews', subsets: [{ name: 'v2' }] }, 'b')])).toEqual([]);
    expect(
      codes([reviews, a, destinationRule({ host: 'reviews', ...policy, subsets: [{ name: 'v1' }] }, 'b')]),
    ).toEqual([
      'MAL0002 DestinationRule shop/b spec.trafficPolicy',
      'MAL0002 DestinationRule shop/a spec.trafficPolicy',
      'MAL0002 DestinationRule shop/b spec.subsets[0]',
      'MAL0002 DestinationRule shop/a spec.subsets[0]',
    ]);
  });
});

describe('an analysis', () => {
  it('does not depend on the order of the objects', () => {
    const objects = [
      service('reviews', [80, 81]),
      route(to('reviews', 'v9')),
      route(to('nowhere'), 'ratings'),
      virtualService({ hosts: ['reviews'], http: [{ route: [to('reviews')] }] }, 'twin'),
      destinationRule({ host: 'reviews', subsets: [{ name: 'v1' }] }),
      destinationRule({ host: 'reviews', subsets: [{ name: 'v1' }] }, 'twin'),
    ];
    const expected = analyze(objects);
    expect(expected.length).toBeGreaterThan(5);
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
        expect(analyze(shuffled)).toEqual(expected);
      }),
    );
  });

  it('passes over objects whose form is broken', () => {
    expect(
      analyze([virtualService({ hosts: 5, http: {} }), null as never, route(to('reviews')), service('reviews')]),
    ).toEqual([]);
  });
});
