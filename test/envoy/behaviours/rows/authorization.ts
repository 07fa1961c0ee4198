/** AuthorizationPolicy and RequestAuthentication, as far as no certificate is needed. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { type Behaviour, get, tcp } from '../behaviour';
import { PORTS } from '../cast';
import { documents, edgeGateway, networking, toV1Port, toV2Port } from './objects';

const topic = 'AuthorizationPolicy';

/** A policy of the workloads of `reviews`, or of others. @param spec YAML in one line, without the selector. */
const policy = (name: string, spec: string, app = 'reviews', namespace = 'shop') =>
  `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${app && `selector: { matchLabels: { app: ${app} } }, `}${spec} }`;

const url = (path: string) => `http://reviews:9080${path}`;
const ok = { status: 200 };
const forbidden = { status: 403, who: undefined, body: 'RBAC: access denied' };

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of a made-up issuer, good for an hour. */
function token(claims: object): string {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const text = `${part({ alg: 'ES256', kid: 'a' })}.${part({ iss: 'https://id.example', sub: 'ana', exp, ...claims })}`;
  const signature = sign('sha256', Buffer.from(text), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const jwks = JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'a' }] });

const authentication = (rule = '', app = 'reviews') =>
  `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: shop }
spec: { selector: { matchLabels: ${app === 'reviews' ? '{ app: reviews }' : '{ istio: ingressgateway }'} }, jwtRules: [{ issuer: https://id.example, jwks: '${jwks}'${rule} }] }`;

const bearer = (claims: object = {}) => ({ headers: { authorization: `Bearer ${token(claims)}` } });

export const authorizationRows: Behaviour[] = [
  {
    topic,
    feature: 'an empty spec refuses everything; rules: [{}] lets everything pass; other workloads are not concerned',
    objects: documents(policy('nothing', ''), policy('all', 'rules: [{}]', 'client')),
    cases: [
      [get(url('/')), forbidden],
      [get('http://client:9080/'), { who: 'client' }],
      [get('http://stranger.other:9080/'), { who: 'stranger' }],
    ],
  },
  {
    topic,
    feature: 'ALLOW by method and path; what no rule takes is refused',
    objects: policy('read', 'rules: [{ to: [{ operation: { methods: [GET], paths: [/a, /b/*, "*.png"] } }] }]'),
    cases: [
      [get(url('/a')), ok],
      [get(url('/b/c?d')), ok],
      [get(url('/x.png')), ok],
      [get(url('/a'), { method: 'POST' }), forbidden],
      [get(url('/b')), forbidden],
    ],
  },
  {
    topic,
    feature: 'DENY goes before ALLOW, and the root namespace speaks for all',
    objects: documents(
      policy('all', 'rules: [{}]'),
      policy('no-deletes', 'action: DENY, rules: [{ to: [{ operation: { methods: [DELETE] } }] }]', '', 'istio-system'),
    ),
    cases: [
      [get(url('/')), ok],
      [get(url('/'), { method: 'DELETE' }), forbidden],
      [get('http://client:9080/', { method: 'DELETE' }), forbidden],
    ],
  },
  {
    topic,
    feature: 'path templates, headers, and negated fields',
    objects: policy(
      'templates',
      `rules: [{ to: [{ operation: { paths: ["/users/{*}/cards", "/files/{**}"], notPaths: ["/files/secret/*"] } }],
        when: [{ key: "request.headers[x-team]", values: [red, "blue*"], notValues: [blue-old] }] }]`,
    ),
    cases: [
      [get(url('/users/7/cards'), { headers: { 'x-team': 'red' } }), ok],
      [get(url('/files/a/b'), { headers: { 'x-team': 'blueish' } }), ok],
      [get(url('/users/7/8/cards'), { headers: { 'x-team': 'red' } }), forbidden],
      [get(url('/files/secret/a'), { headers: { 'x-team': 'red' } }), forbidden],
      [get(url('/files/a'), { headers: { 'x-team': 'blue-old' } }), forbidden],
      [get(url('/files/a')), forbidden],
    ],
  },
  {
    topic,
    feature: 'on TCP ports, rules that look at HTTP never allow',
    objects: policy('read', 'rules: [{ to: [{ operation: { methods: [GET] } }] }]'),
    cases: [
      [get(url('/')), ok],
      [tcp('reviews:9000'), { who: undefined, refused: expect.any(String) }],
    ],
  },
  {
    topic,
    feature: 'ports of the workload',
    onlyTransparent: 'without redirection there is nothing but HTTP on the way out',
    objects: policy('bytes', `rules: [{ to: [{ operation: { ports: ["${PORTS.tcp}"] } }] }]`),
    cases: [
      [tcp('reviews:9000'), { who: expect.any(String) }],
      [get(url('/')), forbidden],
    ],
  },
  {
    topic,
    feature: 'at a gateway: hosts and paths',
    objects: documents(
      edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
      networking('VirtualService', 'edge', `hosts: ["*"]\ngateways: [edge]\nhttp:\n- ${toV1Port}`),
      `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: edge, namespace: shop }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  action: DENY
  rules: [{ to: [{ operation: { hosts: [shop.example], paths: [/admin*] } }] }]`,
    ),
    cases: [
      [get('http://shop.example/', { from: 'edge' }), { who: 'v1' }],
      [get('http://shop.example/admin/x', { from: 'edge' }), forbidden],
      [get('http://SHOP.example/admin/x', { from: 'edge' }), forbidden],
      [get('http://other.example/admin/x', { from: 'edge' }), { who: 'v1' }],
    ],
  },
  {
    topic: 'RequestAuthentication',
    feature: 'bad tokens are refused, none passes; claims in policies',
    objects: documents(
      authentication(),
      policy(
        'admins',
        `rules: [{ to: [{ operation: { paths: [/open] } }] },
          { from: [{ source: { requestPrincipals: ["https://id.example/*"] } }],
            when: [{ key: "request.auth.claims[realm][roles]", values: [admin] }] }]`,
      ),
    ),
    cases: [
      [get(url('/open')), ok],
      [get(url('/')), forbidden],
      [get(url('/'), bearer({ realm: { roles: ['user'] } })), forbidden],
      [get(url('/'), bearer({ realm: { roles: ['user', 'admin'] } })), { status: 200, seen: { headers: {} } }],
      [get(url('/open'), bearer({ iss: 'https://other.example' })), { status: 401, who: undefined }],
    ],
  },
  {
    topic: 'RequestAuthentication',
    feature: 'at a gateway: routes by claims of the token',
    objects: documents(
      authentication('', 'edge'),
      edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
      networking(
        'VirtualService',
        'edge',
        `hosts: ["*"]
gateways: [edge]
http:
- match: [{ headers: { "@request.auth.claims.groups": { exact: testers } } }]
  ${toV2Port}
- match: [{ headers: { "@request.auth.claims[realm][role]": { prefix: test } } }]
  ${toV2Port}
- match: [{ withoutHeaders: { "@request.auth.claims.sub": {} } }]
  directResponse: { status: 401, body: { string: sign in } }
- ${toV1Port}`,
      ),
    ),
    cases: [
      [get('http://shop.example/', { from: 'edge', ...bearer({ groups: ['a', 'testers'] }) }), { who: 'v2' }],
      [get('http://shop.example/', { from: 'edge', ...bearer({ realm: { role: 'tester' } }) }), { who: 'v2' }],
      [get('http://shop.example/', { from: 'edge', ...bearer({ groups: 'users' }) }), { who: 'v1' }],
      [get('http://shop.example/', { from: 'edge' }), { status: 401, body: 'sign in' }],
    ],
  },
];
