/** What stands in front of gateways, and what is believed of whoever comes from there. */
import type { KubeObject } from '../../../../lib/api/object';
import { type Behaviour, get } from '../behaviour';
import { cast } from '../cast';
import { documents, edgeGateway, networking, toV1Port } from './objects';
import { parsed } from './parsed';

const topic = 'ProxyConfig';

const served = documents(
  edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
  networking('VirtualService', 'edge', `hosts: ["*"]\ngateways: [edge]\nhttp:\n- ${toV1Port}`),
);

/** Nobody comes in from 192.0.2.7. */
const banned = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: banned, namespace: shop }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  action: DENY
  rules: [{ from: [{ source: { remoteIpBlocks: ["192.0.2.7"] } }] }]`;

const inMesh = (gatewayTopology: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { gatewayTopology: ${gatewayTopology} }" }`;

/** The edge with an annotation. */
function edgeWith(config: string): KubeObject {
  const pod = cast().find(({ kind, metadata }) => kind === 'Pod' && metadata.name === 'edge')!;
  const annotations = { ...pod.metadata.annotations, 'proxy.istio.io/config': config };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

const from = (forwarded: string) =>
  get('http://shop.example/', { from: 'edge', headers: { 'x-forwarded-for': forwarded } });
const client = (address: string) => ({
  who: 'v1' as const,
  seen: { headers: { 'x-envoy-external-address': address } },
});
const refused = { status: 403 };

const claimed = 'By=spiffe://cluster.local/ns/shop/sa/edge;URI=spiffe://cluster.local/ns/shop/sa/admin';
const certified = get('http://shop.example/', { from: 'edge', headers: { 'x-forwarded-client-cert': claimed } });

export const gatewayTopologyRows: Behaviour[] = [
  {
    topic,
    feature: 'gatewayTopology: without it nothing is believed of X-Forwarded-For',
    objects: documents(served, banned),
    cases: [
      [
        from('192.0.2.7'),
        { who: 'v1', seen: { headers: { 'x-forwarded-for': expect.stringMatching(/^192\.0\.2\.7,/) } } },
      ],
      [
        from('192.0.2.7'),
        { seen: { headers: { 'x-envoy-external-address': expect.not.stringMatching('192.0.2.7') } } },
      ],
    ],
    notSimulated: 'the address of a client outside is no configuration',
  },
  {
    topic,
    feature:
      'gatewayTopology: numTrustedProxies, and what a client writes before their part of X-Forwarded-For is not believed',
    objects: documents(served, banned, inMesh('{ numTrustedProxies: 1 }')),
    cases: [
      [from('192.0.2.9'), client('192.0.2.9')],
      [from('192.0.2.7'), refused],
      [from('192.0.2.9, 192.0.2.7'), refused],
      [from('192.0.2.7, 192.0.2.9'), client('192.0.2.9')],
    ],
    notSimulated: 'the address of a client outside is no configuration',
  },
  {
    topic,
    feature: 'gatewayTopology: by the annotation proxy.istio.io/config of one gateway, before the mesh’s',
    objects: [
      ...parsed(documents(served, banned, inMesh('{ numTrustedProxies: 1 }'))),
      edgeWith('gatewayTopology: { numTrustedProxies: 2 }'),
    ],
    cases: [
      [from('192.0.2.9, 192.0.2.7'), client('192.0.2.9')],
      [from('192.0.2.7, 192.0.2.9'), refused],
      [from('192.0.2.9, 192.0.2.7, 192.0.2.8'), refused],
      // Fewer than there must be: whoever this is did not come by them.
      [from('192.0.2.7'), { who: 'v1' }],
    ],
    notSimulated: 'the address of a client outside is no configuration',
  },
  {
    topic,
    feature: 'gatewayTopology: forwardClientCertDetails ALWAYS_FORWARD_ONLY, for ends of TLS in front',
    identities: true,
    objects: documents(served, inMesh('{ forwardClientCertDetails: ALWAYS_FORWARD_ONLY }')),
    cases: [
      [
        certified,
        { who: 'v1', seen: { headers: { 'x-forwarded-client-cert': expect.stringMatching(`^${claimed},By=`) } } },
      ],
    ],
    notSimulated: 'what a proxy says of certificates is not simulated',
  },
  {
    topic,
    feature: 'gatewayTopology: without forwardClientCertDetails a certificate that a client claims is taken away',
    identities: true,
    objects: served,
    cases: [
      [
        certified,
        { who: 'v1', seen: { headers: { 'x-forwarded-client-cert': expect.not.stringMatching('sa/admin') } } },
      ],
    ],
    notSimulated: 'what a proxy says of certificates is not simulated',
  },
  {
    topic,
    feature: 'gatewayTopology: proxyProtocol, connections that do not begin with it are closed',
    objects: documents(
      served,
      inMesh('{ proxyProtocol: {} }'),
      networking('DestinationRule', 'edge', 'host: edge\ntrafficPolicy: { proxyProtocol: { version: V1 } }'),
    ),
    cases: [
      [get('http://edge/'), { who: 'v1' }],
      [get('http://shop.example/', { from: 'edge' }), { refused: expect.any(String) }],
    ],
    notSimulated: 'what a connection begins with is no configuration',
  },
];
