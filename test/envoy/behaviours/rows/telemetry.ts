/** Telemetry: what proxies count, read where Prometheus reads it. */
import { type Behaviour, get } from '../behaviour';
import { documents, edgeGateway, networking } from './objects';

/** One message as HTTP/2 carries it for gRPC: five bytes of head, and `a`. */
const MESSAGE = '\0\0\0\0\u0001a';

const call = (path: string, messages: number) =>
  get(`http://shop.example${path}`, {
    from: 'edge',
    http: '2',
    method: 'POST',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    body: MESSAGE.repeat(messages),
  });

/** Of the edge, with a label that no other row counts under. */
const metricsPage = get('http://edge:15090/stats/prometheus', { from: 'edge' });

export const telemetryRows: Behaviour[] = [
  {
    topic: 'Telemetry',
    feature: 'metrics: messages of gRPC calls, either way; a tag of its own',
    objects: documents(
      edgeGateway('- { port: { number: 80, name: grpc, protocol: GRPC }, hosts: ["*"] }'),
      networking(
        'VirtualService',
        'edge',
        'hosts: ["*"]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: reviews, subset: v2, port: { number: 9070 } } }] }]',
      ),
      `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: edge, namespace: shop }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  metrics:
    - overrides:
        - { match: { metric: GRPC_REQUEST_MESSAGES }, tagOverrides: { row: { value: "'messages'" } } }
        - { match: { metric: GRPC_RESPONSE_MESSAGES }, tagOverrides: { row: { value: "'messages'" } } }`,
    ),
    cases: [
      [call('/shop.Reviews/Stream', 3), { status: 200, headers: { 'content-type': 'application/grpc' } }],
      // The service fails before it says anything.
      [call('/shop.Reviews/Stream?status=14', 2), { status: 200 }],
      // What is no gRPC has no messages.
      [get('http://shop.example/', { from: 'edge', http: '2' }), { who: 'v2' }],
      [
        metricsPage,
        {
          body: expect.stringMatching(
            /^istio_request_messages_total\{.*destination_workload="reviews-v2".*grpc_response_status="0".*row="messages".*\} 3$/m,
          ),
        },
      ],
      [
        metricsPage,
        {
          body: expect.stringMatching(
            /^istio_request_messages_total\{.*grpc_response_status="14".*row="messages".*\} 2$/m,
          ),
        },
      ],
      [
        metricsPage,
        {
          body: expect.stringMatching(
            /^istio_response_messages_total\{.*grpc_response_status="0".*row="messages".*\} 1$/m,
          ),
        },
      ],
    ],
    onlyNewest: 'before 1.40 Envoy has no access logger that counts',
    notSimulated: 'proxies count',
  },
];
