import '../../constructs/jest';
import { App } from 'cdk8s';
import { bookinfo } from '../../apps/bookinfo/mesh';
import { Gateway, MeshService, Percent, Port } from '../../constructs';

const { mesh, productpage, reviews, ratings, details, edge, chart } = bookinfo(new App());
const asJason = { 'end-user': 'jason' };

describe('a request that nobody sends', () => {
  test('reaches the version that its header asks for', () => {
    const outcome = mesh.request({ from: productpage, to: reviews, path: '/reviews/1', headers: asJason });
    expect(outcome).toReach(reviews.version('v2'), Percent.of(100));
    expect(outcome).not.toReach(reviews.version('v1'));
  });

  test('is split as the route says', () => {
    const outcome = mesh.request({ from: productpage, to: reviews, path: '/reviews/1' });
    expect(outcome).toReach(reviews.version('v1'), Percent.of(90));
    expect(outcome).toReach(reviews.version('v2'), Percent.of(10));
    expect(outcome).toReach(reviews, Percent.of(100));
    expect(outcome).not.toReach(ratings);
  });

  test('goes by its path', () => {
    expect(mesh.request({ from: productpage, to: reviews, path: '/reviews/v3/1' })).toReach(reviews.version('v3'));
  });

  test('reaches any version of a service without routes', () => {
    const outcome = mesh.request({ from: reviews.version('v2'), to: ratings, path: '/ratings/1' });
    expect(outcome).toReach(ratings.version('v1'), Percent.of(100));
  });

  test('comes in through a gateway by its host and path', () => {
    expect(mesh.request({ from: edge, path: '/productpage' })).toReach(productpage);
    expect(mesh.request({ from: edge, path: '/reviews/1', headers: asJason })).toReach(reviews.version('v2'));
    const lost = mesh.request({ from: edge, path: '/details/1' });
    expect(lost).not.toReach(details);
    expect(lost.status).toBe(404);
    expect(String(lost)).toMatch(/^refused with 404/);
  });

  test('to an unknown host is refused by the mesh', () => {
    const outcome = mesh.request({ from: productpage, host: 'example.org', port: Port.http(80) });
    expect(outcome.reaches(reviews)).toBe(false);
    expect(outcome.status).toBe(502);
  });

  test('cannot start where this program has no workload', () => {
    const other = MeshService.fromAttributes(chart, 'other', { name: 'a', namespace: 'b', port: Port.http(80) });
    expect(() => mesh.request({ from: other, to: reviews })).toThrow(/MAL0120.*a\.b\.svc\.cluster\.local/);
    expect(() => mesh.request({ from: productpage })).toThrow('neither to, nor host and port');
  });

  test('sees what the program has become since the last one', () => {
    const late = new Gateway(chart, 'late', { mesh, hosts: ['late.localhost'], replicas: 1 });
    late.expose(details);
    expect(mesh.request({ from: late, path: '/details/1' })).toReach(details);
  });
});
