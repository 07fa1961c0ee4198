/** What a server's proxy believes of its caller, for the labels of metrics: real Envoy, real certificates. */
import { encode } from '../../lib/envoy/message';
import { metricLogs } from '../../lib/pilot/metrics';
import { NO_OWN_SETTINGS } from '../../lib/pilot/own-settings';
import { PEER_HEADER, peerFilter } from '../../lib/pilot/peer';
import { World } from '../../lib/world';
import { PolicedEnvoy } from './authorization/policed-envoy';

jest.setTimeout(60_000);

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client';
const FACTS = { workload: 'client-v1', app: 'client', version: 'v1', service: 'client', revision: 'v1' };
const header = (facts: object) => Buffer.from(encode('google.protobuf.Value', facts)).toString('base64');

interface Tag {
  name: string;
  value_format: string;
}

/** The formats of what a listener's metrics say of the caller, over mutual TLS. */
function callerFormats(): Tag[] {
  const side = {
    namespace: 'shop',
    viewer: 'shop',
    labels: {},
    serviceName: '',
    mode: 'SERVER' as const,
    mutualTls: true,
    own: NO_OWN_SETTINGS,
  };
  const [log] = metricLogs(World.of([]), side, { of: 'http' });
  const { counters } = log!.typed_config as unknown as { counters: { stat: { tags: Tag[] } }[] };
  return counters[0]!.stat.tags.filter(({ name }) => name.startsWith('source_'));
}

describe('over mutual TLS, a server’s proxy', () => {
  let envoy: PolicedEnvoy;

  beforeAll(async () => {
    // The formats of the labels as headers of the answer: what a label would say.
    const response_headers_to_add = callerFormats().map(({ name, value_format }) => ({
      header: { key: `label-${name.replaceAll('_', '-')}`, value: value_format },
    }));
    envoy = await PolicedEnvoy.start([() => []], {
      network: 87,
      edit: (manager) => {
        const { request_headers_to_remove: _, ...routes } = manager.route_config as Record<string, unknown>;
        return {
          ...manager,
          route_config: { ...routes, response_headers_to_add },
          http_filters: [peerFilter(), ...(manager.http_filters as object[])],
        };
      },
    });
  });
  afterAll(() => envoy?.stop());

  const labelsFor = async (headers: Record<string, string | string[]>, identity = CLIENT) => {
    const answer = await envoy.ask(0, { identity, headers });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toContain(PEER_HEADER);
    const labels = Object.entries(answer.headers).filter(([name]) => name.startsWith('label-source-'));
    return Object.fromEntries(labels.map(([name, value]) => [name.slice('label-source-'.length), value]));
  };

  test('learns workload, app and version from the caller’s sidecar, and identity and namespace from its certificate', async () => {
    expect(await labelsFor({ [PEER_HEADER]: header(FACTS) })).toEqual({
      workload: 'client-v1',
      'workload-namespace': 'shop',
      principal: CLIENT,
      app: 'client',
      version: 'v1',
      cluster: 'Kubernetes',
      'canonical-service': 'client',
      'canonical-revision': 'v1',
    });
  });

  test('takes the namespace of the certificate, whatever the header and a forwarded certificate say', async () => {
    const lies = {
      [PEER_HEADER]: header({ ...FACTS, namespace: 'admin' }),
      'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/admin/sa/root',
    };
    expect(await labelsFor(lies)).toMatchObject({ 'workload-namespace': 'shop', principal: CLIENT });
    const other = 'spiffe://cluster.local/ns/other/sa/x';
    expect(await labelsFor(lies, other)).toMatchObject({ 'workload-namespace': 'other', principal: other });
  });

  test.each([
    ['is absent', {}],
    ['is no base64', { [PEER_HEADER]: '%%%' }],
    ['is no message', { [PEER_HEADER]: Buffer.from('\xff\xff\xff\xff', 'latin1').toString('base64') }],
    ['holds something else', { [PEER_HEADER]: header(['workload']) }],
  ])('knows the certificate alone when the header %s', async (_, headers) => {
    const labels = await labelsFor(headers);
    expect(labels).toMatchObject({ 'workload-namespace': 'shop', principal: CLIENT });
    expect(labels.workload ?? '-').toBe('-');
  });
});
