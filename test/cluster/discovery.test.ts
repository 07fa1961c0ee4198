/** Endpoints and routes of a real API server, in a real control plane, in a real Envoy. */
import type { KubeObject } from '../../lib/api/object';
import { eventually } from './cluster';
import { PORT, Stage } from './stage';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('discovery');
}, 90_000);
afterAll(() => stage?.close(), 60_000);

describe('an endpoint', () => {
  test('that appears gets requests', async () => {
    await stage.addPod('web-1');
    await stage.answeredBy('web-1');
    await stage.addPod('web-2');
    await stage.answeredBy('web-1', 'web-2');
  });

  test('that turns unready gets none until it is ready again', async () => {
    const { kubelet, namespace } = stage;
    await kubelet.setReady(namespace, 'web-1', false);
    await stage.answeredBy('web-2');
    await kubelet.setReady(namespace, 'web-1', true);
    await stage.answeredBy('web-1', 'web-2');
  });

  test('that terminates gets none while it still runs, and no request fails on the way', async () => {
    const { client, kubelet, namespace, network } = stage;
    kubelet.linger(namespace, 'web-1');
    const end = await network.load(stage.url);
    await client.request('DELETE', stage.path('pods', 'web-1'));
    await stage.answeredBy('web-2');
    const pod = await client.get<KubeObject>(stage.path('pods', 'web-1'));
    expect(pod.metadata.deletionTimestamp).toBeDefined();

    await network.leave(kubelet.addressOf(namespace, 'web-1'), PORT);
    await kubelet.release(namespace, 'web-1');
    await eventually(
      () => client.get(stage.path('pods', 'web-1')).catch(() => 'gone'),
      (pod) => pod === 'gone',
    );
    expect(Object.keys(await end()).sort()).toEqual(['web-1', 'web-2']);
    expect(await stage.answerers()).toEqual(['web-2']);
  });
});

describe('an object of the mesh', () => {
  const route = (status: number) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'web' },
    spec: { hosts: ['web'], http: [{ directResponse: { status, body: { string: `answer ${status}` } } }] },
  });
  const ask = () => stage.network.ask(stage.url);

  test('that is created, changed and deleted is followed', async () => {
    const { client } = stage;
    await client.request('POST', stage.meshPath('virtualservices'), { body: route(418) });
    await eventually(ask, ({ status, body }) => status === 418 && body === 'answer 418');
    await client.patch(stage.meshPath('virtualservices', 'web'), 'merge', route(409));
    await eventually(ask, ({ status }) => status === 409);
    await client.request('DELETE', stage.meshPath('virtualservices', 'web'));
    await eventually(ask, ({ status, body }) => status === 200 && body === 'web-2');
  });

  test('that has errors leaves the last good one in force, and the status says so', async () => {
    const { client, controlPlane } = stage;
    await client.request('POST', stage.meshPath('virtualservices'), { body: route(418) });
    await eventually(ask, ({ status }) => status === 418);
    // Two of the three kinds of action in one rule: the schema of the CRD lets it pass, Galley does not.
    const http = [{ directResponse: { status: 410 }, redirect: { uri: '/elsewhere' } }];
    await client.patch(stage.meshPath('virtualservices', 'web'), 'merge', { spec: { http } });
    await eventually(
      () => controlPlane.status(),
      ({ configuration }) => configuration.state === 'stale',
    );
    expect((await ask()).status).toBe(418);
    await client.request('DELETE', stage.meshPath('virtualservices', 'web'));
    await eventually(ask, ({ status }) => status === 200);
  });
});
