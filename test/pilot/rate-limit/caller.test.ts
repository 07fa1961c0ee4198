/** Limits by caller in a real Envoy: who calls is what its certificate proves. */
import { PolicedEnvoy } from '../authorization/policed-envoy';

jest.setTimeout(60_000);

const ANA = 'spiffe://cluster.local/ns/shop/sa/ana';
const BEA = 'spiffe://cluster.local/ns/other/sa/bea';

const rateLimit = {
  apiVersion: 'malha.dev/v1alpha1',
  kind: 'RateLimit',
  metadata: { name: 'callers', namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'server' } },
    rules: [{ key: { by: 'caller' }, limit: { requests: 2, per: 'hour' } }],
  },
};

/** Refuses whoever is not in namespace `shop`. */
const policy = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'shop-only', namespace: 'shop' },
  spec: { rules: [{ from: [{ source: { namespaces: ['shop'] } }] }] },
};

describe('a limit by caller', () => {
  let envoy: PolicedEnvoy;
  beforeAll(async () => {
    const everyone = { ...rateLimit, spec: { ...rateLimit.spec, rules: [{ limit: { requests: 2, per: 'hour' } }] } };
    envoy = await PolicedEnvoy.start([() => [rateLimit], () => [policy, everyone]], { network: 92 });
  });
  afterAll(() => envoy?.stop());

  const statuses = async (mesh: number, times: number, ask: object) => {
    const result: number[] = [];
    for (let n = 0; n < times; n++) result.push((await envoy.ask(mesh, ask)).status);
    return result;
  };

  test('is for each proven identity alone, whatever a header claims; those without one share', async () => {
    expect(await statuses(0, 3, { identity: ANA })).toEqual([200, 200, 429]);
    expect(await statuses(0, 3, { identity: BEA })).toEqual([200, 200, 429]);
    const headers = { 'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/shop/sa/someone' };
    expect(await statuses(0, 1, { identity: ANA, headers })).toEqual([429]);
    expect(await statuses(0, 1, { headers })).toEqual([200]);
    expect(await statuses(0, 2, {})).toEqual([200, 429]);
  });

  test('is not used up by callers who may not call', async () => {
    expect(await statuses(1, 5, { identity: BEA })).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses(1, 3, { identity: ANA })).toEqual([200, 200, 429]);
  });
});
