import { Chart } from 'cdk8s';
import { Fault, Gateway, GatewayTls, Match, MeshService, Percent, Port, RouteApi } from '../../constructs';
import * as gatewayApi from '../../constructs/gateway-api';
import { apiVersionOf } from '../../lib/api';
import { gatewayApiKinds } from '../../lib/api/gateway-api';
import { Program } from './program';
import { APIS, BookProgram, REQUESTS } from './route-api-program';

const api = RouteApi.gatewayApi();

/** Where each request goes, in the words of the program. */
function answersOf(program: BookProgram): string[] {
  const { mesh, edge, page, reviews } = program;
  return [edge, page].flatMap((from) =>
    REQUESTS.map((request) => {
      const outcome = mesh.request({ from, ...(from === page && { to: reviews }), ...request });
      const shares = (['v1', 'v2'] as const).map((version) => outcome.shareOf(reviews.version(version)));
      return `${from.node.id} ${JSON.stringify(request)}: ${outcome.status ?? 'forwarded'} ${shares.join('/')}`;
    }),
  );
}

test('a program behaves the same, whichever API its routes are written in', () => {
  const istio = answersOf(new BookProgram(APIS.istio));
  expect(answersOf(new BookProgram(APIS.gatewayApi))).toEqual(istio);
  // Both versions, and a refusal, are among the answers.
  for (const end of ['forwarded 1/0', 'forwarded 0/1', '404 0/0'])
    expect(istio.some((answer) => answer.endsWith(end))).toBe(true);
});

test('written in the Gateway API there is no VirtualService, no Gateway of Istio, and nothing that synthesis complains about', () => {
  const program = new BookProgram(api);
  expect(program.complaint).toBe('nothing');
  const kinds = program.objects.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
  expect(kinds.filter((kind) => kind.endsWith('VirtualService') || kind === 'networking.istio.io/v1 Gateway')).toEqual(
    [],
  );
  expect(program.object('HTTPRoute', 'reviews').spec.parentRefs).toEqual([
    { group: '', kind: 'Service', name: 'reviews', port: 9080 },
  ]);
});

test('a version is a Service with the traffic policy of the whole', () => {
  const program = new BookProgram(api);
  expect(program.object('Service', 'reviews-v2').spec.selector).toMatchObject({ app: 'reviews', version: 'v2' });
  expect(program.object('DestinationRule', 'reviews-v2').spec).toEqual({
    host: 'reviews-v2.shop.svc.cluster.local',
    trafficPolicy: program.object('DestinationRule', 'reviews').spec.trafficPolicy,
  });
});

test('with a certificate, plain HTTP is answered with a redirect, in both APIs alike', () => {
  const statuses = Object.values(APIS).map((each) => {
    const program = new Program();
    const page = new MeshService(program.shop, 'page', { mesh: program.mesh, port: Port.http(80), image: 'page:1' });
    const edge = new Gateway(program.shop, 'edge', {
      mesh: program.mesh,
      api: each,
      hosts: ['shop.example'],
      tls: GatewayTls.fromSecret('cert'),
    });
    edge.expose(page);
    return program.mesh.request({ from: edge, path: '/x' }).status;
  });
  expect(statuses).toEqual([301, 301]);
});

test('a gateway of another namespace gets leave for the Services that it exposes, and for no others', () => {
  const program = new BookProgram(api);
  const chart = new Chart(program.app, 'ingress', { namespace: 'ingress' });
  const edge = new Gateway(chart, 'other', { mesh: program.mesh, api, hosts: ['other.localhost'] });
  edge.expose(program.reviews);
  expect(program.object('ReferenceGrant', 'ingress-other')).toMatchObject({
    metadata: { namespace: 'shop' },
    spec: {
      from: [{ kind: 'HTTPRoute', namespace: 'ingress' }],
      to: [{ name: 'reviews' }, { name: 'reviews-v1' }, { name: 'reviews-v2' }],
    },
  });
});

describe('what the Gateway API cannot say is complained about', () => {
  function complaintOf(add: (service: MeshService, other: MeshService) => void): string {
    const program = new Program();
    const service = (name: string) =>
      new MeshService(program.shop, name, { mesh: program.mesh, api, port: Port.http(80), image: 'page:1' });
    add(service('page'), service('other'));
    return program.complaint;
  }

  test('faults', () => {
    expect(
      complaintOf((page) =>
        page.addRoute('broken', { to: page, faults: [Fault.abort(503, { share: Percent.of(10) })] }),
      ),
    ).toContain('MAL0180');
  });

  test('routes by caller', () => {
    expect(complaintOf((page, other) => page.addRoute('for', { match: [Match.caller(other)], to: page }))).toContain(
      'MAL0180',
    );
  });

  test('retries on conditions that have no status code', () => {
    expect(
      complaintOf((page) => page.addRoute('again', { to: page, retries: { attempts: 1, on: ['5xx'] } })),
    ).toContain('retries on 5xx');
  });

  test('an order that is not by what is more specific; routes that nobody can confuse may stand in any', () => {
    expect(
      complaintOf((page) => {
        page.addRoute('wide', { match: [Match.pathPrefix('/a')], to: page });
        page.addRoute('narrow', { match: [Match.pathPrefix('/a/b')], to: page });
      }),
    ).toContain('MAL0181');
    expect(
      complaintOf((page) => {
        page.addRoute('short', { match: [Match.pathPrefix('/a')], to: page });
        page.addRoute('long', { match: [Match.pathPrefix('/else')], to: page });
      }),
    ).toBe('nothing');
  });
});

test.each(gatewayApiKinds.map((kind) => [kind.kind, kind] as const))('there is a typed object for %s', (name, kind) => {
  const Class = (
    gatewayApi as unknown as Record<string, new (...args: unknown[]) => { apiVersion: string; kind: string }>
  )[name];
  const object = new Class!(new Program().shop, 'object', { spec: {} });
  expect([object.apiVersion, object.kind]).toEqual([apiVersionOf(kind), name]);
});
