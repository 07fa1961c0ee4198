import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Container, Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { originOf, withOrigin } from '../../lib/api/origin';
import { gatewayContainer, inject, injectObject, MALHA_VERSION } from '../../lib/injector';

const goldens = join(__dirname, '..', 'golden', 'injector');
const read = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(join(goldens, file), 'utf8')).map((document) => document.toJS());

describe('injection', () => {
  const cases = readdirSync(goldens)
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => file.replace('.in.yaml', ''));

  test.each(cases)('turns %s.in.yaml into %s.out.yaml', (name) => {
    const output = read(`${name}.in.yaml`)
      .map((object) => stringify(injectObject(object), { lineWidth: 0 }))
      .join('---\n');
    const golden = join(goldens, `${name}.out.yaml`);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, output);
    expect(output).toBe(readFileSync(golden, 'utf8'));
  });

  test('returns the very same value for what it leaves alone', () => {
    const objects = [...read('left-alone.in.yaml'), ...read('deployment.in.yaml').slice(0, 1)];
    expect(objects).toHaveLength(6);
    for (const object of objects) expect(injectObject(object)).toBe(object);
  });

  test('changes nothing the second time', () => {
    const once = read('deployment.in.yaml').map((object) => injectObject(object));
    for (const object of once) expect(injectObject(object)).toBe(object);
  });

  test('never changes its input', () => {
    const objects = read('annotations.in.yaml');
    const before = structuredClone(objects);
    objects.map((object) => injectObject(object));
    expect(objects).toEqual(before);
  });

  test('remembers where an injected object comes from', () => {
    const pod = withOrigin(aPod({}), { file: 'pod.yaml', line: 3 });
    expect(originOf(injectObject(pod))).toEqual({ file: 'pod.yaml', line: 3 });
  });

  test('takes images, control plane, resources and threads from its options', () => {
    const pod = inject(aPod({}), {
      images: { proxy: 'registry.example/envoy:1', init: 'registry.example/malha:1' },
      controlPlane: 'mesh.example:15010',
      resources: { limits: { memory: '1Gi' } },
      concurrency: 4,
    });
    const [init, proxy] = pod.spec!.initContainers as [Container, Container];
    expect(init.image).toBe('registry.example/malha:1');
    expect(proxy.image).toBe('registry.example/envoy:1');
    expect(proxy.resources).toEqual({ limits: { memory: '1Gi' } });
    expect(proxy.args?.slice(proxy.args.indexOf('--concurrency')).slice(0, 2)).toEqual(['--concurrency', '4']);
    expect(JSON.stringify(bootstrapOf(proxy))).toContain('{"address":"mesh.example","port_value":15010}');
  });

  test.each([
    ['excludeInboundPorts', '80,http', "'http' is not a port, allowed are 1 to 65535"],
    ['excludeOutboundPorts', '70000', "'70000' is not a port"],
    ['excludeOutboundIPRanges', '10.0.0.1; reboot', 'is not a CIDR range'],
  ])('refuses an annotation %s that it cannot read', (name, text, reason) => {
    const key = `traffic.sidecar.istio.io/${name}`;
    expect(() => inject(aPod({ [key]: text }))).toThrow(`annotation ${key}: `);
    expect(() => inject(aPod({ [key]: text }))).toThrow(reason);
  });

  test('refuses a control plane address without a port', () => {
    expect(() => inject(aPod({}), { controlPlane: 'mesh.example' })).toThrow("'mesh.example' is not host:port");
  });
});

describe('a gateway', () => {
  const container = gatewayContainer({ workload: 'edge', ports: [{ name: 'http2', containerPort: 8080 }] });

  test('is an Envoy of type router that captures nothing', () => {
    expect(container.args).toContain(
      'router~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~$(POD_NAMESPACE).svc.cluster.local',
    );
    expect(bootstrapOf(container).node).toBeUndefined();
  });

  test('is left alone by injection', () => {
    const pod = { ...aPod({}), spec: { containers: [container] } };
    expect(inject(pod)).toBe(pod);
  });
});

test('our image carries the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'));
  expect(MALHA_VERSION).toBe(version);
});

function aPod(annotations: Record<string, string>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', namespace: 'shop', annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  };
}

function bootstrapOf(container: Container) {
  return JSON.parse(container.args![container.args!.indexOf('--config-yaml') + 1]!);
}
