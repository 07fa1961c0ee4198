/** What a server's proxy believes of its caller, for the labels of metrics: real Envoy, real certificates. */
import { metricLogs } from '../../lib/pilot/metrics';
import { NO_OWN_SETTINGS } from '../../lib/pilot/own-settings';
import { PEER_HEADER, peerFilter } from '../../lib/pilot/peer';
import { PACKED_LABEL, World } from '../../lib/world';
import { PolicedEnvoy } from './authorization/policed-envoy';

jest.setTimeout(60_000);

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client';
const FACTS = 'client-v1,client,v1,client,v1';

interface Tag {
  name: string;
  value_format: string;
}

/** The format of what a listener's metrics say over mutual TLS. */
function packedFormat(): string {
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
  return counters[0]!.stat.tags.find(({ name }) => name === PACKED_LABEL)!.value_format;
}

describe('over mutual TLS, a server’s proxy', () => {
  let envoy: PolicedEnvoy;

  beforeAll(async () => {
    // The format as a header of the answer: what the label would say.
    const response_headers_to_add = [{ header: { key: 'labels', value: packedFormat() } }];
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
    return String(answer.headers.labels).split(';');
  };
  /** What the server adds, and nothing else: none of it is the caller's. */
  const itemsOf = (caller: string, peer: string) => [
    'reporter=destination',
    `caller=${caller}`,
    'source_cluster=Kubernetes',
    `peer=${peer}`,
    expect.stringMatching(/^destination=/),
    // The certificate of the test has none.
    'destination_principal=',
    'service=unknown,unknown,unknown',
    'connection_security_policy=mutual_tls',
    'request_protocol=http',
    'response_code=200',
    'response_flags=-',
  ];

  test('learns workload, app and version from the caller’s sidecar, and identity and namespace from its certificate', async () => {
    expect(await labelsFor({ [PEER_HEADER]: FACTS })).toEqual(itemsOf(CLIENT, FACTS));
  });

  test('takes the certificate’s word, whatever a forwarded certificate says', async () => {
    const lies = { [PEER_HEADER]: FACTS, 'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/admin/sa/root' };
    const other = 'spiffe://cluster.local/ns/other/sa/x';
    expect(await labelsFor(lies, other)).toEqual(itemsOf(other, FACTS));
  });

  test.each([
    ['is absent', {}, ''],
    ['is empty', { [PEER_HEADER]: '' }, ''],
    ['ends the item', { [PEER_HEADER]: 'admin;reporter=source' }, 'admin'],
    ['ends the label', { [PEER_HEADER]: 'admin",reporter="source' }, 'admin'],
    ['is encoded', { [PEER_HEADER]: 'admin%ff,admin' }, 'admin'],
    ['leaves labels out', { [PEER_HEADER]: '!response_code' }, ''],
    ['is no text', { [PEER_HEADER]: 'admin\u00ff' }, 'admin'],
    ['is long', { [PEER_HEADER]: 'a'.repeat(5_000) }, 'a'.repeat(600)],
  ])('takes names alone from a header that %s', async (_, headers, peer) => {
    expect(await labelsFor(headers)).toEqual(itemsOf(CLIENT, peer));
  });
});
