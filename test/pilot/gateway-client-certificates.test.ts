import { request as httpsRequest } from 'node:https';
import type { Secret } from '../../lib/api/kubernetes';
import { Authority, type Leaf } from '../../lib/citadel/authority';
import { Translator } from '../../lib/pilot';
import { proxyNamed, World } from '../../lib/world';
import { gateway, pod, virtualService } from '../world/sample';
import { type RunningEnvoy, startStaticEnvoy } from './static-envoy';

const ADDRESS = '127.77.3.1';
const clock = () => new Date();

function secret(name: string, stringData: Record<string, string>): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, stringData };
}

describe('a gateway that looks at the certificates of clients', () => {
  let envoy: RunningEnvoy;
  let authority: Authority;
  let partner: Leaf;
  let other: Leaf;
  let stranger: Leaf;

  beforeAll(async () => {
    authority = await Authority.selfSigned({ name: 'partners', clock });
    partner = await authority.issue({ hosts: ['client.partner.example'] });
    other = await authority.issue({ hosts: ['other.partner.example'] });
    const elsewhere = await Authority.selfSigned({ name: 'elsewhere', clock });
    stranger = await elsewhere.issue({ hosts: ['client.partner.example'] });
    const own = await authority.issue({ hosts: ['must.example', 'may.example'] });
    const certificate = { 'tls.crt': own.certPem, 'tls.key': own.keyPem };
    const port = (name: string) => ({ number: 8443, name, protocol: 'HTTPS' });
    const answer = (host: string) =>
      virtualService(host.replace('.', '-'), 'shop', {
        hosts: [host],
        gateways: ['edge'],
        http: [{ directResponse: { status: 200, body: { string: 'welcome' } } }],
      });
    const world = World.of([
      pod('edge', 'shop', { istio: 'edge' }, ADDRESS),
      gateway('edge', 'shop', {
        selector: { istio: 'edge' },
        servers: [
          {
            port: port('must'),
            hosts: ['must.example'],
            tls: { mode: 'MUTUAL', credentialName: 'must', subjectAltNames: ['client.partner.example'] },
          },
          { port: port('may'), hosts: ['may.example'], tls: { mode: 'OPTIONAL_MUTUAL', credentialName: 'may' } },
        ],
      }),
      answer('must.example'),
      answer('may.example'),
      secret('must', certificate),
      secret('must-cacert', { 'ca.crt': authority.certPem }),
      secret('may', { ...certificate, 'ca.crt': authority.certPem }),
    ]);
    const translator = new Translator();
    const snapshot = translator.snapshot(world, proxyNamed(world, 'edge.shop', { type: 'router', capture: 'NONE' })!);
    expect(translator.failures).toEqual([]);
    envoy = await startStaticEnvoy(snapshot);
  }, 60_000);

  afterAll(() => envoy?.stop());

  /** The status, or that the connection was refused. */
  function ask(host: string, client?: Leaf): Promise<number | 'refused'> {
    const identity = client && { cert: client.certPem, key: client.keyPem };
    return new Promise((resolve) => {
      const options = {
        host: ADDRESS,
        port: 8443,
        servername: host,
        headers: { host },
        ca: authority.certPem,
        agent: false,
      };
      httpsRequest({ ...options, ...identity }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', () => resolve('refused'))
        .end();
    });
  }

  test('MUTUAL lets in a client of the authority that has the wanted name', async () => {
    expect(await ask('must.example', partner)).toBe(200);
  });

  test.each<[string, () => Leaf | undefined]>([
    ['without a certificate', () => undefined],
    ['of another authority', () => stranger],
    ['of another name', () => other],
  ])('MUTUAL refuses a client %s', async (_, client) => {
    expect(await ask('must.example', client())).toBe('refused');
  });

  test('OPTIONAL_MUTUAL lets in who shows no certificate, and who shows a good one, but nobody with a bad one', async () => {
    expect(await ask('may.example')).toBe(200);
    expect(await ask('may.example', other)).toBe(200);
    expect(await ask('may.example', stranger)).toBe('refused');
  });
});
