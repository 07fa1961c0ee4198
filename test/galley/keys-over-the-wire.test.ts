import { analyze } from '../../lib/galley';
import { inject, type ProxyIdentity } from '../../lib/injector';

const pod = (name: string, identity: ProxyIdentity) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  ...inject(
    { metadata: { name, namespace: 'shop' }, spec: { containers: [{ name: 'app' }] } },
    { workload: name, identity },
  ),
  metadata: { name, namespace: 'shop' },
});
const found = (...pods: ReturnType<typeof pod>[]) => analyze(pods).filter(({ code }) => code === 'MAL0041');

test('keys that the control plane makes are told of once for the mesh', () => {
  expect(found(pod('a', 'sds'), pod('b', 'sds'), pod('c', 'podCertificate'))).toMatchObject([
    {
      level: 'warning',
      resource: 'Pod shop/a',
      message: 'the control plane makes the keys of Pod shop/a and 1 more, and sends each over the wire once',
    },
  ]);
});

test('keys that are made on their node are nothing to tell of', () => {
  expect(found(pod('a', 'podCertificate'), pod('b', 'none'))).toEqual([]);
});

test('a Pod without containers is no reason to stop', () => {
  const empty = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'empty', namespace: 'shop' }, spec: {} };
  expect(analyze([empty, pod('a', 'sds')]).map(({ code }) => code)).toContain('MAL0041');
});
