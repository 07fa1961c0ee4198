import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshService, Port } from '../../constructs';
import { Program } from '../constructs/program';
import { malha } from './captured-io';

const workload = (name: string, port: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { serviceAccountName: ${name}, containers: [{ name: app, image: app }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: ${port}, port: 80, targetPort: 8080 }] }
`;

const policy = (name: string, spec: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: stock } }
${spec}`;

const READ = policy(
  'read',
  `  rules:
    - from: [{ source: { principals: [cluster.local/ns/shop/sa/cart] } }]
      to: [{ operation: { methods: [GET] } }]
`,
);

describe('malha explain', () => {
  const shop = [workload('cart', 'http'), workload('page', 'http'), workload('stock', 'http'), workload('db', 'tcp')];

  async function explain(policies: readonly string[], ...args: string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'malha-explain-'));
    const file = join(folder, 'shop.yaml');
    writeFileSync(file, shop.join('---'));
    const rules = join(folder, 'policies.yaml');
    writeFileSync(rules, policies.join('---') || '{}\n');
    const { code, stdout, stderr } = await malha(['explain', file, ...(policies.length ? [rules] : []), ...args]);
    return { code, stderr, said: stdout.replaceAll(`${folder}/`, '') };
  }

  test('takes a port by its name, and names those that there are', async () => {
    const asked = (port: string) => explain([READ], '--from', 'cart.shop', '--to', 'stock.shop', '--port', port);
    expect((await asked('http')).said).toBe((await asked('80')).said);
    expect((await asked('http')).code).toBe(0);
    expect((await asked('grpc')).stderr).toContain('no port grpc at stock.shop: got grpc, allowed: 80 (http)');
  });

  test('takes the name of a Service for its workload, and names what there is when it knows neither', async () => {
    const renamed = workload('front', 'http').replace('kind: Deployment\nmetadata: { name: front', '$&-v1');
    const asked = await explain([READ, renamed], '--from', 'front.shop', '--to', 'stock.shop');
    expect(asked.said).toMatch(/^refused: GET \/ from front\.shop \(spiffe:\/\/cluster\.local\/ns\/shop\/sa\/front\)/);
    const { code, stderr } = await explain([READ], '--from', 'nobody.shop', '--to', 'stock.shop');
    expect(code).toBe(2);
    expect(stderr).toMatch(/no workload nobody\.shop: .*or of its Service; namespace shop has cart\.shop, db\.shop/);
  });

  test('names the rule that allows a call, and where it is written', async () => {
    const { code, said } = await explain([READ], '--from', 'cart.shop', '--to', 'stock.shop', '--path', '/7');
    expect(code).toBe(0);
    expect(said).toBe(
      [
        'allowed: GET /7 from cart.shop (spiffe://cluster.local/ns/shop/sa/cart) to stock.shop, port 8080',
        '  because a rule of action ALLOW takes it',
        '  AuthorizationPolicy shop/read, rule 0 (policies.yaml:8)',
        'the smallest change that would turn it around:',
        '  take out spec.rules[0]',
        '    in AuthorizationPolicy shop/read (policies.yaml:8)',
        '',
      ].join('\n'),
    );
  });

  test.each<[string, string[], string[]]>([
    [
      'another caller',
      ['--from', 'page.shop'],
      ['add "cluster.local/ns/shop/sa/page" to spec.rules[0].from[0].source.principals'],
    ],
    [
      'another method',
      ['--from', 'cart.shop', '--method', 'PUT'],
      ['add "PUT" to spec.rules[0].to[0].operation.methods'],
    ],
    [
      'a caller without a certificate',
      ['--from', 'cart.shop', '--plain'],
      ['leave out spec.rules[0].from[0].source.principals, which a call of this kind never meets'],
    ],
  ])('tells what the nearest rule lacks for %s', async (_, args, changes) => {
    const { code, said } = await explain([READ], ...args, '--to', 'stock.shop', '-o', 'json');
    const explanation = JSON.parse(said);
    expect(code).toBe(1);
    expect(explanation).toMatchObject({
      verdict: 'refused',
      rule: { object: 'AuthorizationPolicy shop/read', rule: 0 },
    });
    expect(explanation.changes.map(({ what }: { what: string }) => what)).toEqual(changes);
  });

  test('names the rule that denies, and the value to take out of it', async () => {
    const deny = policy(
      'no-writes',
      '  action: DENY\n  rules: [{ to: [{ operation: { methods: [PUT, DELETE] } }] }]\n',
    );
    const { code, said } = await explain([deny], '--from', 'cart.shop', '--to', 'stock.shop', '--method', 'PUT');
    expect(code).toBe(1);
    expect(said).toContain('because a rule of action DENY takes it\n  AuthorizationPolicy shop/no-writes, rule 0');
    expect(said).toContain('take "PUT" out of spec.rules[0].to[0].operation.methods');
  });

  test('every change that it tells of turns the decision around', async () => {
    const open = READ.replace('[GET]', '[GET, PUT]');
    expect((await explain([open], '--from', 'cart.shop', '--to', 'stock.shop', '--method', 'PUT')).code).toBe(0);
    const wide = READ.replace('sa/cart]', 'sa/cart, cluster.local/ns/shop/sa/page]');
    expect((await explain([wide], '--from', 'page.shop', '--to', 'stock.shop')).code).toBe(0);
  });

  describe('where mutual TLS is all that is taken', () => {
    const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: shop }
spec:
  selector: { matchLabels: { app: stock } }
  mtls: { mode: STRICT }
  portLevelMtls:
    8080: { mode: STRICT }
`;

    test('names what refuses a call in plaintext, and both ways in', async () => {
      const args = ['--from', 'cart.shop', '--to', 'stock.shop', '--plain'];
      const { code, said } = await explain([strict], ...args);
      expect(code).toBe(1);
      expect(said).toContain('because mutual TLS is all that is taken, and the caller shows no certificate');
      expect(said).toContain('\n  PeerAuthentication shop/strict (policies.yaml:9)\n');
      expect(said).toContain('call from a workload with an identity');
      expect(said).toContain('or set spec.portLevelMtls[8080].mode to PERMISSIVE');
      const open = strict.replace('8080: { mode: STRICT }', '8080: { mode: PERMISSIVE }');
      expect((await explain([open], ...args)).code).toBe(0);
      expect((await explain([strict], ...args.slice(0, 4))).code).toBe(0);
    });

    test('tells of the policy behind it too', async () => {
      const { said } = await explain([strict, READ], '--from', 'cart.shop', '--to', 'stock.shop', '--plain');
      expect(said).toContain('leave out spec.rules[0].from[0].source.principals');
    });

    test('knows that nobody proves anything to who takes plaintext alone', async () => {
      const plain = strict.replaceAll('STRICT', 'DISABLE');
      const { code, said } = await explain([plain, READ], '--from', 'cart.shop', '--to', 'stock.shop');
      expect(code).toBe(1);
      expect(said).toContain('from cart.shop (without a certificate)');
    });
  });

  test('names the construct of a program that wrote the rule', async () => {
    const { app, mesh, shop: chart } = new Program();
    const [page, stock] = ['page', 'stock'].map(
      (name) => new MeshService(chart, name, { mesh, port: Port.http(8080), image: `shop/${name}:1` }),
    );
    page!.calls(stock!, { methods: ['GET'] });
    const file = join(mkdtempSync(join(tmpdir(), 'malha-explain-')), 'program.yaml');
    writeFileSync(file, app.synthYaml());
    const ask = (...args: string[]) =>
      malha(['explain', file, '--from', 'page-v1.shop', '--to', 'stock-v1.shop', ...args]);
    const allowed = await ask('-o', 'json');
    expect(allowed).toMatchObject({ code: 0, stderr: '' });
    const { rule } = JSON.parse(allowed.stdout);
    expect(rule).toMatchObject({ rule: 0, file, construct: expect.stringMatching(/^shop\/stock\//) });
    const refused = await ask('--plain');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(
      /PeerAuthentication malha-system\/default \(.*program.yaml:\d+, mesh-policy\/mtls\)/,
    );
  });

  test('says so where no policy decides', async () => {
    const { code, said } = await explain([], '--from', 'cart.shop', '--to', 'db.shop');
    expect(code).toBe(0);
    expect(said).toContain('allowed: a connection from cart.shop');
    expect(said).toContain('because no ALLOW policy holds for the workload');
  });

  test.each([
    ['a workload', ['--from', 'nobody.shop', '--to', 'stock.shop'], 'no workload nobody.shop'],
    ['a port', ['--from', 'cart.shop', '--to', 'stock.shop', '--port', '81'], 'allowed: 80'],
  ])('does not guess about %s that is not there', async (_, args, message) => {
    const { code, stderr } = await explain([READ], ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
