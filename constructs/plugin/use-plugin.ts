/** What becomes of a plugin in a program: each of its parts is put where parts of that sort belong. */
import { ApiObject, type Chart } from 'cdk8s';
import { Construct } from 'constructs';
import type { MetricsOverrides, TelemetrySpec } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import { patchesOf, rulesOf, tagsOf } from '../../lib/plugin';
import type { TelemetryTag } from '../../lib/plugin/telemetry-tag';
import type { ControlPlane } from '../control-plane';
import type { Mesh } from '../mesh';
import { problemAt, reportAtSynthesis } from '../problem';
import { onRendered } from '../rendered';
import { rulesAtSynthesis } from '../synthesis';
import type { Plugin } from '.';

/** The parts of a mesh that plugins reach. */
export interface PluginPlace {
  readonly mesh: Mesh;
  readonly controlPlane: ControlPlane;
  /** Where constructs of plugins stand. */
  readonly system: Chart;
  /** Where the mesh's Telemetry is, if it has one. */
  readonly policy: Chart;
}

export function usePlugin({ mesh, controlPlane, system, policy }: PluginPlace, plugin: Plugin): void {
  const { name, capabilities, construct } = plugin;
  if (construct) {
    const scope = new Construct(system, `plugin-${name.replace(/^@/, '').replaceAll('/', '-')}`);
    constructOf(name, construct, { scope, mesh }, new Set(capabilities.construct?.kinds));
  }
  rulesAtSynthesis(mesh, rulesOf([plugin]));
  const tags = tagsOf([plugin]);
  if (tags.length > 0) addTags(policy, mesh.namespace, tags);
  const changesResources = patchesOf([plugin]).length > 0;
  if (changesResources) {
    reportAtSynthesis(mesh, () =>
      controlPlane.hasOwnImage
        ? []
        : [
            {
              code: 'MAL0172',
              what: `plugin ${name} changes what the control plane makes, so it has to be installed there`,
              got: `the image ${controlPlane.image}`,
              allowed: 'an image of yours, made from it',
              fix: "controlPlane: { image: '…' }; docs/plugins.md shows the two lines of its Dockerfile",
            },
          ],
    );
  }
  if (changesResources || (plugin.rules && controlPlane.hasOwnImage)) controlPlane.loadPlugin(name);
}

/** What a plugin adds stands in its place, and is of the kinds that it has declared. */
function constructOf(
  name: string,
  construct: NonNullable<Plugin['construct']>,
  host: { scope: Construct; mesh: Mesh },
  kinds: ReadonlySet<string>,
): void {
  const { root } = host.mesh.node;
  const objects = () => root.node.findAll().filter((each): each is ApiObject => ApiObject.isApiObject(each));
  const before = new Set(objects());
  construct(host);
  const outside = objects().filter((each) => !before.has(each) && !each.node.scopes.includes(host.scope));
  if (outside.length > 0) {
    throw problemAt(outside[0]!, {
      code: 'MAL0171',
      what: `plugin ${name} writes outside of its own place`,
      got: outside.map(({ node }) => node.path).join(', '),
      allowed: 'constructs below the scope that it is handed',
      fix: 'pass host.scope as the scope of what the plugin declares',
    });
  }
  // Judged when all is declared: constructs may add objects until then.
  reportAtSynthesis(host.scope, () => {
    const foreign = objects().filter((each) => each.node.scopes.includes(host.scope) && !kinds.has(each.kind));
    return foreign.map(({ kind, node }) => ({
      code: 'MAL0171',
      what: `plugin ${name} writes an object of a kind that it has not declared`,
      got: `${kind} at ${node.path}`,
      allowed: [...kinds].sort().join(', ') || 'none',
      fix: `add '${kind}' to capabilities.construct.kinds of the plugin, if it shall write such objects`,
    }));
  });
}

/** Only requests have headers. */
const METRICS = ['REQUEST_COUNT', 'REQUEST_DURATION', 'REQUEST_SIZE', 'RESPONSE_SIZE'] as const;

function addTags(chart: Chart, namespace: string, tags: readonly TelemetryTag[]): void {
  const telemetry =
    (chart.node.tryFindChild('telemetry') as ApiObject | undefined) ??
    new ApiObject(chart, 'telemetry', {
      apiVersion: 'telemetry.istio.io/v1',
      kind: 'Telemetry',
      metadata: { name: 'mesh-default', namespace },
      spec: {},
    });
  onRendered<KubeObject & { spec: TelemetrySpec }>(telemetry, (rendered) => ({
    ...rendered,
    spec: withTags(rendered.spec, tags),
  }));
}

function withTags(spec: TelemetrySpec, tags: readonly TelemetryTag[]): TelemetrySpec {
  const values = tags.flatMap(({ name, metrics }) =>
    metrics === undefined ? [] : [[name, { value: metrics }] as const],
  );
  const overrides: MetricsOverrides[] = METRICS.map((metric) => ({
    match: { metric },
    tagOverrides: Object.fromEntries(values),
  }));
  const spans = Object.fromEntries(
    tags.flatMap(({ name, spans: header }) =>
      header
        ? [
            [
              name,
              { header: { name: header.header, ...(header.defaultValue && { defaultValue: header.defaultValue }) } },
            ],
          ]
        : [],
    ),
  );
  const [first, ...more] = spec.tracing ?? [{}];
  return {
    ...spec,
    ...(values.length > 0 && { metrics: [...(spec.metrics ?? []), { overrides }] }),
    ...(Object.keys(spans).length > 0 && {
      tracing: [{ ...first, customTags: { ...first?.customTags, ...spans } }, ...more],
    }),
  };
}
