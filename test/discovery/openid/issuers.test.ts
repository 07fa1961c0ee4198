/** RequestAuthentications that only name their issuer get the place of its keys, and keep it. */
import type { RequestAuthentication } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { OpenIdIssuers } from '../../../lib/discovery/openid';
import { MeshSource } from '../../../lib/xds/mesh-source';
import { silent } from '../../xds/fake-client';

const KEYS = 'https://issuer.example.com/keys';

function policy(...jwtRules: NonNullable<RequestAuthentication['spec']>['jwtRules'] & object): RequestAuthentication {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'tokens', namespace: 'shop' },
    spec: { jwtRules },
  };
}

/** Issuers that answer when the test says so, and timers that it runs. */
class Stage {
  readonly asked: { issuer: string; found: (keys: string) => void; fails: (error: Error) => void }[] = [];
  readonly timers: { milliseconds: number; run: () => void }[] = [];
  readonly troubles: string[] = [];
  changes = 0;
  readonly issuers = new OpenIdIssuers({
    ask: (issuer) => new Promise((found, fails) => this.asked.push({ issuer, found, fails })),
    onChange: () => this.changes++,
    onTrouble: (issuer, trouble) => this.troubles.push(`${issuer}: ${trouble}`),
    after: (milliseconds, run) => {
      const timer = { milliseconds, run };
      this.timers.push(timer);
      return () => this.timers.splice(this.timers.indexOf(timer), 1);
    },
  });

  rules(object: RequestAuthentication) {
    const [filled] = this.issuers.complete([object]) as RequestAuthentication[];
    return filled!.spec!.jwtRules!;
  }

  /** The last question is answered. */
  async answer(keys: string | Error): Promise<void> {
    const { found, fails } = this.asked.at(-1)!;
    keys instanceof Error ? fails(keys) : found(keys);
    await settled();
  }

  async nextTimer(): Promise<number> {
    const { milliseconds, run } = this.timers.shift()!;
    run();
    await settled();
    return milliseconds;
  }
}

const settled = () => new Promise(setImmediate);
const alone = policy({ issuer: 'https://issuer.example.com' });

test('a rule without keys has none until its issuer has told, and then those', async () => {
  const stage = new Stage();
  expect(stage.rules(alone)).toEqual([{ issuer: 'https://issuer.example.com' }]);
  await stage.answer(KEYS);
  expect(stage.changes).toBe(1);
  expect(stage.rules(alone)).toEqual([{ issuer: 'https://issuer.example.com', jwksUri: KEYS }]);
  expect(stage.asked).toHaveLength(1);
});

test('rules that say where their keys are stay as they are, and nobody is asked', () => {
  const stage = new Stage();
  const all = policy({ issuer: 'a', jwks: '{}' }, { issuer: 'b', jwksUri: KEYS }, { issuer: 'c', jwks_uri: KEYS });
  expect(stage.rules(all)).toEqual(all.spec!.jwtRules);
  expect(stage.asked).toEqual([]);
});

test('an issuer that is away is asked again, later each time, and takes nothing from anybody', async () => {
  const stage = new Stage();
  stage.rules(alone);
  await stage.answer(KEYS);
  const waits = [await stage.nextTimer()];
  for (let round = 0; round < 10; round++) {
    await stage.answer(new Error('away'));
    waits.push(await stage.nextTimer());
  }
  expect(waits).toEqual([600_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]);
  expect(stage.troubles).toHaveLength(10);
  expect(stage.rules(alone)[0]!.jwksUri).toBe(KEYS);
  expect(stage.changes).toBe(1);
});

test('an issuer that moves its keys is followed', async () => {
  const stage = new Stage();
  stage.rules(alone);
  await stage.answer(KEYS);
  await stage.nextTimer();
  await stage.answer('https://issuer.example.com/new');
  expect(stage.changes).toBe(2);
  expect(stage.rules(alone)[0]!.jwksUri).toBe('https://issuer.example.com/new');
});

test('an issuer that nobody names any more is forgotten, also when it answers late', async () => {
  const stage = new Stage();
  stage.rules(alone);
  stage.issuers.complete([]);
  await stage.answer(KEYS);
  expect(stage.changes).toBe(0);
  expect(stage.timers).toEqual([]);
  expect(stage.rules(alone)[0]!.jwksUri).toBeUndefined();
});

test('four are asked at once, and 256 at all', async () => {
  const stage = new Stage();
  stage.rules(policy(...Array.from({ length: 300 }, (_, index) => ({ issuer: `https://i${index}.example.com` }))));
  expect(stage.asked).toHaveLength(4);
  for (let done = 0; done < stage.asked.length; done++) {
    stage.asked[done]!.found(KEYS);
    await settled();
  }
  expect(stage.asked).toHaveLength(256);
  expect(stage.troubles).toEqual([expect.stringContaining('more than 256 issuers')]);
});

test('after its end nothing is asked or told', async () => {
  const stage = new Stage();
  stage.rules(alone);
  stage.issuers.close();
  await stage.answer(new Error('aborted'));
  expect(stage.troubles).toEqual([]);
  expect(stage.timers).toEqual([]);
  stage.rules(alone);
  expect(stage.asked).toHaveLength(1);
});

test('what an issuer tells reaches the proxies without another change', async () => {
  // Given a control plane whose World is made from completed objects
  const stage = new Stage();
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }] },
    status: { podIP: '198.18.0.9' },
  };
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 8080 }] },
  };
  const source = new MeshSource({ log: silent, complete: (objects) => stage.issuers.complete(objects) });
  const keyClusters = () =>
    source
      .snapshot({ id: 'sidecar~198.18.0.9~web.shop~shop.svc.cluster.local' })!
      .clusters.map(({ name }) => name)
      .filter((name) => name.startsWith('jwks|'));
  source.update([pod, service, alone]);
  expect(keyClusters()).toEqual([]);
  // When the issuer has told
  await stage.answer(KEYS);
  source.update([pod, service, alone]);
  // Then the sidecar fetches the keys from there
  expect(keyClusters()).toEqual(['jwks|443|tls|issuer.example.com']);
});
