import { App, Chart } from 'cdk8s';
import { parse } from 'yaml';
import {
  AccessLog,
  Identity,
  Mesh,
  MeshService,
  Monitoring,
  OutboundPolicy,
  Percent,
  Port,
  Tracing,
  Workload,
} from '../../constructs';
import { kinds } from '../../lib/api';
import { objectsOf, Program } from './program';

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const kindsIn = (app: App) => new Set(objectsOf(app).map(({ kind }) => kind));

describe('a mesh', () => {
  test('brings the CRDs of every kind, unless the cluster has them', () => {
    expect(new Program().objects.filter(({ kind }) => kind === 'CustomResourceDefinition')).toHaveLength(kinds.length);
    expect(kindsIn(new Program({ controlPlane: { crds: 'existing' } }).app)).not.toContain('CustomResourceDefinition');
  });

  test('writes its namespace and that of each member once, unless they exist', () => {
    const members = (createNamespaces: boolean) => {
      const program = new Program({ createNamespaces });
      for (const name of ['a', 'b']) {
        new MeshService(program.shop, name, { mesh: program.mesh, port: Port.http(80), image: `${name}:1` });
      }
      return program.objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
    };
    expect(members(true)).toEqual(['malha-system', 'shop']);
    expect(members(false)).toEqual(['malha-system']);
  });

  test('can live in another namespace; everything follows', () => {
    const program = new Program({ namespace: 'net', tracing: Tracing.jaeger(), monitoring: Monitoring.bundled() });
    new MeshService(program.shop, 'a', { mesh: program.mesh, port: Port.http(80), image: 'a:1' });
    expect(JSON.stringify(program.objects)).not.toContain('malha-system');
  });

  test('refuses unknown hosts and reports calls to the control plane by default', () => {
    const config = parse(new Program().object('ConfigMap', 'istio').data.mesh);
    expect(config).toEqual({
      rootNamespace: 'malha-system',
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      hostOwnership: 'enforce',
      extensionProviders: [
        {
          name: 'observed-calls',
          envoyHttpAls: { service: 'malha-control-plane.malha-system.svc.cluster.local', port: 15012 },
        },
      ],
    });
  });

  test('sends traces where it is told, as many as it is told', () => {
    const tracing = Tracing.openTelemetry('otel.observability.svc.cluster.local', 4317, { sampling: Percent.of(50) });
    const program = new Program({ tracing, accessLogs: [AccessLog.stdout()], outbound: OutboundPolicy.allowAny() });
    const config = parse(program.object('ConfigMap', 'istio').data.mesh);
    expect(config.extensionProviders[0]).toEqual({
      name: 'traces',
      opentelemetry: { service: 'otel.observability.svc.cluster.local', port: 4317 },
    });
    expect(config.outboundTrafficPolicy).toEqual({ mode: 'ALLOW_ANY' });
    expect(program.object('Telemetry', 'mesh-default').spec).toEqual({
      tracing: [{ providers: [{ name: 'traces' }], randomSamplingPercentage: 50 }],
      accessLogging: [{ providers: [{ name: 'request-lines' }] }],
    });
    expect(program.objects.map(({ metadata }) => metadata.name)).not.toContain('jaeger');
  });

  test('installs a Zipkin when it is asked to, and tells the sidecars to speak to it in its own words', () => {
    const program = new Program({ tracing: Tracing.zipkin() });
    const config = parse(program.object('ConfigMap', 'istio').data.mesh);
    expect(config.extensionProviders[0]).toEqual({
      name: 'traces',
      zipkin: {
        service: 'zipkin.malha-system.svc.cluster.local',
        port: 9411,
        traceContextOption: 'USE_B3_WITH_W3C_PROPAGATION',
      },
    });
    const { template } = program.object('Deployment', 'zipkin').spec;
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(template.spec.containers[0].resources.limits.memory).toBe('1024Mi');
    expect(program.object('Service', 'zipkin').spec.ports).toMatchObject([{ port: 9411, appProtocol: 'http' }]);
    const attached = new Program({ tracing: Tracing.zipkinAt('zipkin.tools.svc.cluster.local') });
    expect(attached.objects.map(({ metadata }) => metadata.name)).not.toContain('zipkin');
  });

  test('puts a collector between sidecars and whoever keeps the traces, bounded in memory', () => {
    const program = new Program({ tracing: Tracing.viaCollector('tempo.tools.svc.cluster.local') });
    const mesh = parse(program.object('ConfigMap', 'istio').data.mesh);
    expect(mesh.extensionProviders[0].opentelemetry).toEqual({
      service: 'otel-collector.malha-system.svc.cluster.local',
      port: 4317,
    });
    const config = parse(program.object('ConfigMap', 'otel-collector-config').data['config.yaml']);
    expect(config.exporters.otlp.endpoint).toBe('tempo.tools.svc.cluster.local:4317');
    expect(config.service.pipelines.traces.processors[0]).toBe('memory_limiter');
    const named = new Set([
      ...Object.keys(config.receivers),
      ...Object.keys(config.processors),
      ...Object.keys(config.exporters),
    ]);
    const { receivers, processors, exporters } = config.service.pipelines.traces;
    expect([...receivers, ...processors, ...exporters].filter((each: string) => !named.has(each))).toEqual([]);
  });
});

describe('the second source of configuration', () => {
  test('stands by in each zone, and may read what makes a World and nothing else', () => {
    const program = new Program();
    const { spec } = program.object('Deployment', 'malha-standby');
    expect(spec.replicas).toBe(3);
    const [constraint] = spec.template.spec.topologySpreadConstraints;
    expect(constraint).toMatchObject({ topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1 });
    const rules = [
      ...program.object('ClusterRole', 'malha-standby-malha-system').rules,
      ...program.object('Role', 'malha-standby').rules,
    ];
    const verbs = new Set(rules.flatMap((rule: { verbs: string[] }) => rule.verbs));
    expect([...verbs].sort()).toEqual(['get', 'list', 'watch']);
    const resources = rules.flatMap((rule: { resources: string[] }) => rule.resources);
    expect(resources).not.toContain('secrets');
    expect(program.object('Deployment', 'malha-control-plane').spec.template.spec.containers[0].args).toContain(
      '--standby',
    );
  });

  test.each([
    ['none is wanted', { controlPlane: { standbyZones: 0 } }],
    ['keys are made by the control plane alone', { identity: Identity.sds() }],
  ])('is left out where %s', (_, props) => {
    const program = new Program(props);
    expect(program.objects.filter(({ metadata }) => metadata.name.startsWith('malha-standby'))).toEqual([]);
    expect(JSON.stringify(program.objects)).not.toContain('xds-standby');
  });
});

describe('the control plane', () => {
  const program = new Program();
  const { spec } = program.object('Deployment', 'malha-control-plane');

  test('survives the loss of a node', () => {
    expect(spec.replicas).toBe(2);
    const terms = spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(terms.map((term: { podAffinityTerm: { topologyKey: string } }) => term.podAffinityTerm.topologyKey)).toEqual(
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    );
    expect(program.object('PodDisruptionBudget', 'malha-control-plane').spec.minAvailable).toBe(1);
  });

  test('may read what makes a World, and write only what it has to, by name where it has one', () => {
    const rules = [
      ...program.object('ClusterRole', 'malha-control-plane-malha-system').rules,
      ...program.object('Role', 'malha-control-plane').rules,
    ];
    const statuses = rules.filter(({ resources }) => resources.every((each: string) => each.endsWith('/status')));
    expect(statuses.map(({ verbs }) => verbs)).toEqual(statuses.map(() => ['patch']));
    const READING = ['get', 'list', 'watch'];
    const writes = rules
      .filter((rule) => !statuses.includes(rule))
      .flatMap(({ resources, resourceNames = ['*'], verbs }) =>
        verbs
          .filter((verb: string) => !READING.includes(verb))
          .map((verb: string) => `${verb} ${resources.join()} ${resourceNames.join()}`),
      );
    expect(writes).toEqual([
      'create tokenreviews *',
      'sign signers malha.dev/workload',
      'attest signers malha.dev/workload',
      'create clustertrustbundles *',
      'patch clustertrustbundles malha.dev:workload:mesh',
      'patch mutatingwebhookconfigurations malha-injector-malha-system',
      'patch validatingwebhookconfigurations malha-validator-malha-system',
      'create secrets *',
      'update secrets malha-ca-secret',
      'create leases *',
      'update leases malha-leader,malha-leader-default',
    ]);
    const named = (resource: string) =>
      rules
        .filter(({ resources, verbs }) => resources.includes(resource) && verbs.includes('get'))
        .map(({ resourceNames }) => resourceNames);
    expect(named('secrets')).toEqual([['malha-ca-secret'], ['cacerts']]);
    expect(named('configmaps')).toEqual([['istio']]);
    const resources = rules.flatMap(({ resources }) => resources);
    expect(resources).toEqual(expect.arrayContaining(['pods', 'services', 'endpointslices', 'virtualservices']));
    expect(rules.flatMap(({ verbs }) => verbs)).not.toContain('*');
  });

  test('is asked about Pods and objects, and its manifests leave the trusted roots to it', () => {
    for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) {
      const part = kind.startsWith('Mut') ? 'injector' : 'validator';
      const { webhooks } = program.object(kind, `malha-${part}-malha-system`);
      for (const { clientConfig } of webhooks) {
        expect(clientConfig).toEqual({
          service: { namespace: 'malha-system', name: 'malha-control-plane', path: expect.any(String), port: 443 },
        });
      }
    }
    const { ports } = program.object('Service', 'malha-control-plane').spec;
    expect(ports).toContainEqual({ name: 'https-webhook', port: 443, targetPort: 15017, appProtocol: 'https' });
  });

  test('may make Deployments of Gateways where the program says so, and not otherwise', () => {
    const deploying = new Program({ controlPlane: { deployGateways: true } });
    const rules = deploying.object('ClusterRole', 'malha-gateways-malha-system').rules;
    expect(rules.map(({ resources, verbs }: Rule) => [resources, verbs])).toEqual(
      ['deployments', 'services', 'serviceaccounts', 'poddisruptionbudgets', 'horizontalpodautoscalers'].map(
        (plural) => [[plural], ['get', 'create', 'patch']],
      ),
    );
    const { args } = deploying.object('Deployment', 'malha-control-plane').spec.template.spec.containers[0];
    expect(args).toContain('--deploy-gateways');
    expect(JSON.stringify(new Program().objects)).not.toMatch(/malha-gateways|deploy-gateways/);
  });

  test('says how it runs on one machine', () => {
    expect(spec.template.metadata.annotations['malha.dev/run']).toBe(
      '$(MALHA) control-plane --registry files --files $(MESH_DIR) --http $(POD_IP):15014 ' +
        '--pod-range $(POD_RANGE) --service-range $(SERVICE_RANGE) --insecure',
    );
  });

  test('lets its node be drained when it is alone', () => {
    const alone = new Program({ controlPlane: { replicas: 1 } });
    expect(alone.object('PodDisruptionBudget', 'malha-control-plane').spec).toMatchObject({ maxUnavailable: 1 });
  });
});

describe('every Pod of the system namespace', () => {
  const program = new Program({ tracing: Tracing.jaeger(), monitoring: Monitoring.bundled() });
  const deployments = program.objects.filter(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.namespace === 'malha-system',
  );

  test('is one of five', () => {
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual([
      'malha-control-plane',
      'malha-standby',
      'jaeger',
      'prometheus',
      'grafana',
    ]);
  });

  test.each(deployments.map((deployment) => [deployment.metadata.name, deployment] as const))(
    'keeps to Pod Security restricted: %s',
    (_, { spec }) => {
      // biome-ignore lint/suspicious/noExplicitAny: a Pod as it was rendered
      const pod = (spec as any).template.spec;
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod.hostNetwork).toBe(false);
      expect(pod.containers).not.toHaveLength(0);
      for (const container of pod.containers) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          privileged: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
        });
        expect(container.resources.limits.memory).toMatch(/Mi$/);
        expect(container.image).toMatch(/:v?\d+\.\d+\.\d+$/);
        expect(container.readinessProbe).toBeDefined();
      }
    },
  );
});

describe('two meshes of one app', () => {
  test('do not share rights, nor Pods', () => {
    const app = new App();
    const names = ['a', 'b'].map(
      (name) =>
        new Mesh(app, name, {
          namespace: `system-${name}`,
          controlPlane: name === 'a' ? {} : { crds: 'existing', revision: name },
        }),
    );
    const chart = new Chart(app, 'shop', { namespace: 'shop' });
    new MeshService(chart, 'web', { mesh: names[1]!, port: Port.http(80), versions: { v1: Workload.image('web:1') } });
    const roles = objectsOf(app).filter(({ kind }) => kind === 'ClusterRole');
    expect(roles.map(({ metadata }) => metadata.name)).toEqual([
      'malha-control-plane-system-a',
      'malha-standby-system-a',
      'malha-mesh-system-a',
      'malha-control-plane-b-system-b',
      'malha-standby-b-system-b',
      'malha-mesh-system-b',
    ]);
    const shop = objectsOf(app).find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'shop')!;
    expect(shop.metadata.labels).toMatchObject({ 'istio.io/rev': 'b' });
    expect(shop.metadata.labels).not.toHaveProperty('istio-injection');
  });
});
