/** How traffic gets into sidecars: redirected, or by ports and proxies that everybody is told. */
import '../../constructs/jest';
import { App, Chart } from 'cdk8s';
import { Namespace } from 'cdk8s-plus-27';
import { Capture, Mesh, MeshService, Port } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';
import { objectsOf } from './program';

interface Container {
  name: string;
  env?: { name: string; value?: string }[];
  ports?: { containerPort: number }[];
  securityContext: { capabilities: { add?: string[] }; privileged: boolean };
}

function program(capture: { mesh?: Capture; namespace?: Capture; service?: Capture }, level?: string) {
  const app = new App();
  const mesh = new Mesh(app, 'mesh', { capture: capture.mesh, createNamespaces: false });
  if (capture.namespace) mesh.addNamespaceCapture('shop', capture.namespace);
  const chart = new Chart(app, 'shop', { namespace: 'shop' });
  if (level) {
    new Namespace(chart, 'shop', {
      metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': level } },
    });
  }
  const web = new MeshService(chart, 'web', { mesh, port: Port.http(80, { targetPort: 9080 }), image: 'web:1' });
  const page = new MeshService(chart, 'page', {
    mesh,
    port: Port.http(9080),
    image: 'page:1',
    capture: capture.service,
  });
  web.calls(page, { paths: ['/reviews/*'], ports: [page.ports[0]!] });
  return { app, mesh, web, page };
}

const named = (objects: KubeObject[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name)!;
const podOf = (objects: KubeObject[], name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: a Pod as it was rendered
  (named(objects, 'Deployment', name) as any).spec.template as {
    metadata: { annotations: Record<string, string> };
    spec: { containers: Container[]; initContainers: Container[] };
  };

describe('transparent capture', () => {
  const objects = objectsOf(program({}).app);

  test('needs two capabilities, in one container that ends, and is never privileged', () => {
    const { initContainers, containers } = podOf(objects, 'web-v1').spec;
    const all = [...initContainers, ...containers];
    const capable = all.filter(({ securityContext }) => securityContext.capabilities.add);
    expect(capable.map(({ name, securityContext }) => [name, securityContext.capabilities.add])).toEqual([
      ['malha-init', ['NET_ADMIN', 'NET_RAW']],
    ]);
    expect(all.filter(({ securityContext }) => securityContext.privileged)).toEqual([]);
  });
});

describe('explicit capture of one service', () => {
  const { app, mesh, web, page } = program({ service: Capture.explicit() });
  const objects = objectsOf(app);

  test('gives no container a capability, and leads the application to its sidecar', () => {
    const { metadata, spec } = podOf(objects, 'page-v1');
    expect(spec.initContainers.map(({ name }) => name)).toEqual(['istio-proxy']);
    expect(JSON.stringify(spec)).not.toContain('NET_ADMIN');
    expect(metadata.annotations['sidecar.istio.io/interceptionMode']).toBe('NONE');
    expect(spec.containers[0]!.env).toContainEqual({ name: 'HTTP_PROXY', value: 'http://127.0.0.1:15080' });
    expect(spec.containers[0]!.ports).toMatchObject([{ containerPort: 9080 }]);
    expect(podOf(objects, 'web-v1').spec.initContainers.map(({ name }) => name)).toEqual(['malha-init', 'istio-proxy']);
  });

  test('leads callers to the sidecar, and lets nobody past it', () => {
    expect(named(objects, 'Service', 'page').spec).toMatchObject({ ports: [{ port: 9080, targetPort: 29080 }] });
    expect(named(objects, 'Sidecar', 'page-sidecar').spec).toMatchObject({
      workloadSelector: { labels: { app: 'page' } },
      ingress: [{ port: { number: 29080, protocol: 'HTTP' }, defaultEndpoint: '127.0.0.1:9080', captureMode: 'NONE' }],
    });
    const { ingress } = named(objects, 'NetworkPolicy', 'page-sidecar').spec as {
      ingress: [{ ports: { port: number }[] }];
    };
    expect(ingress[0].ports.map(({ port }) => port)).toEqual([29080, 15021, 15090]);
  });

  test('answers requests as before: rules hold at the port where they arrive', () => {
    expect(mesh.request({ from: web, to: page, path: '/reviews/1' })).toReach(page.version('v1'));
    expect(mesh.request({ from: web, to: page, path: '/admin' })).not.toReach(page);
  });
});

test.each([
  ['of the mesh', { mesh: Capture.explicit() }, ['explicit', 'explicit']],
  ['of a namespace', { namespace: Capture.explicit() }, ['explicit', 'explicit']],
  [
    'of a service, against its namespace',
    { namespace: Capture.explicit(), service: Capture.transparent() },
    ['explicit', 'transparent'],
  ],
])('the capture %s holds', (_, capture, wanted) => {
  const { web, page } = program(capture);
  expect([web.capture.way, page.capture.way]).toEqual(wanted);
});

test('Pods that the webhook injects are captured as the mesh says', () => {
  const objects = objectsOf(program({ mesh: Capture.explicit() }).app);
  const { args } = podOf(objects, 'malha-control-plane').spec.containers[0] as unknown as { args: string[] };
  expect(args[args.indexOf('--capture') + 1]).toBe('explicit');
});

describe('a namespace that enforces Pod Security', () => {
  test.each(['restricted', 'baseline'])('%s refuses transparent capture, which synthesis says', (level) => {
    const { app } = program({}, level);
    expect(() => app.synthYaml()).toThrow(
      /MAL0154 mesh\s+the Pods of web\.shop\.svc\.cluster\.local would be refused: transparent capture needs NET_ADMIN and NET_RAW\s+got: Namespace shop, which enforces Pod Security/,
    );
  });

  test('takes explicit capture', () => {
    const { app } = program({ namespace: Capture.explicit() }, 'restricted');
    expect(app.synthYaml()).toContain('interceptionMode: NONE');
  });
});
