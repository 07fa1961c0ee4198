import { generateKeyPairSync } from 'node:crypto';
import { MeshService, Port, SignedImages, Wasm, WasmFilter } from '../../constructs';
import { Translator } from '../../lib/pilot';
import { complete, proxyNamed, World } from '../../lib/world';
import { Program } from './program';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function shopOf(program: Program) {
  const service = (id: string) =>
    new MeshService(program.shop, id, { mesh: program.mesh, port: Port.http(9080), image: `shop/${id}:1` });
  return { page: service('page'), reviews: service('reviews') };
}

describe('a WasmFilter', () => {
  test('is a WasmPlugin of its service, which fails closed and says so', () => {
    const program = new Program();
    const { page } = shopOf(program);
    new WasmFilter(program.shop, 'Auth', {
      service: page,
      module: Wasm.oci(`registry.example.com/filters/auth@${DIGEST}`),
      before: 'authorization',
      config: { realm: 'shop' },
    });
    expect(program.object('WasmPlugin', 'page-auth')).toEqual({
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'WasmPlugin',
      metadata: { name: 'page-auth', namespace: 'shop' },
      spec: {
        selector: { matchLabels: page.podLabels },
        match: [{ mode: 'SERVER' }],
        url: `oci://registry.example.com/filters/auth@${DIGEST}`,
        phase: 'AUTHZ',
        pluginConfig: { realm: 'shop' },
        failStrategy: 'FAIL_CLOSE',
      },
    });
    expect(program.complaint).toBe('nothing');
    expect(program.objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'shop')).toEqual(
      [],
    );
  });

  test('is in the proxies of its service, and in no others', () => {
    const program = new Program();
    const { page } = shopOf(program);
    new WasmFilter(program.shop, 'auth', { service: page, module: Wasm.oci(`a.example.com/auth@${DIGEST}`) });
    const world = World.of(complete(program.objects));
    const has = (app: string) => {
      const pod = world.pods('shop').find(({ metadata }) => metadata.labels?.['app'] === app)!;
      const { listeners } = new Translator().snapshot(world, proxyNamed(world, `${pod.metadata.name}.shop`)!);
      return listeners
        .filter(({ message }) => JSON.stringify(message).includes('shop.page-auth'))
        .map(({ name }) => name);
    };
    expect(has('page')).toEqual(['virtualInbound']);
    expect(has('reviews')).toEqual([]);
  });

  test('with a pull secret lets the control plane read just that one', () => {
    const program = new Program();
    const { page } = shopOf(program);
    const module = Wasm.oci('registry.example.com/filters/auth:v1', { pullSecret: 'registry', follow: true });
    new WasmFilter(program.shop, 'auth', { service: page, module, whenFailing: 'pass' });
    expect(program.object('WasmPlugin', 'page-auth').spec).toMatchObject({
      imagePullSecret: 'registry',
      imagePullPolicy: 'Always',
      failStrategy: 'FAIL_OPEN',
    });
    expect(program.object('Role', 'page-auth-image').rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['registry'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(program.object('RoleBinding', 'page-auth-image').subjects.map(({ name }: { name: string }) => name)).toEqual(
      ['malha-control-plane', 'malha-standby'],
    );
  });

  test.each([
    [Wasm.http('https://modules.example.com/a.wasm', 'b'.repeat(64)), { sha256: 'b'.repeat(64) }],
    [Wasm.file('/opt/a.wasm'), { url: 'file:///opt/a.wasm' }],
  ])('takes modules from elsewhere, too', (module, spec) => {
    const program = new Program();
    new WasmFilter(program.shop, 'auth', { service: shopOf(program).page, module });
    expect(program.object('WasmPlugin', 'page-auth').spec).toMatchObject(spec);
    expect(program.complaint).toBe('nothing');
  });

  test.each(['', 'UPPER/case', 'a.example.com/b@sha256:1', 'https://a.example.com/b', 'a b'])(
    'refuses %p as an image where it is written',
    (image) => {
      expect(() => Wasm.oci(image)).toThrow('MAL0175');
    },
  );
});

describe('signed images', () => {
  const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const images = [
    SignedImages.by('registry.example.com/filters', key),
    SignedImages.unsigned('registry.example.com/dev'),
  ];

  test('are said in the mesh configuration', () => {
    const program = new Program({ images });
    const world = World.of(program.objects);
    expect(world.meshConfig().imageSignatures).toEqual([
      { image: 'registry.example.com/filters', publicKeys: [key] },
      { image: 'registry.example.com/dev', allowUnsigned: true },
    ]);
    expect(World.of(new Program().objects).meshConfig()).not.toHaveProperty('imageSignatures');
  });

  test('make an image of elsewhere an error of the program', () => {
    const program = new Program({ images });
    new WasmFilter(program.shop, 'auth', {
      service: shopOf(program).page,
      module: Wasm.oci(`other.example.com/auth@${DIGEST}`),
    });
    expect(program.complaint).toContain('MAL0070');
  });

  test('by a key that is none are refused where it is written', () => {
    expect(() => SignedImages.by('a.example.com', key, 'key')).toThrow('no public key as number 2');
  });
});
