/** `malha graph [FILES…]` */
import { Command } from 'commander';
import { admit } from '../../../lib/galley';
import { mermaidOf } from '../../../lib/graph/mermaid';
import { type ServiceGraph, serviceGraph } from '../../../lib/graph/service-graph';
import { complete, World } from '../../../lib/world';
import type { GraphPage } from '../../control-plane/graph';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import { writeFindings } from '../findings-report';
import { graphSvg } from '../graph-svg';
import { type Context, ExitCode } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { json, outputOption } from '../output-format';
import { silentLine, silentOf } from '../silent-replicas';

interface Options extends ControlPlaneOptions {
  output: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
}

export function graph(context: Context): Command {
  return withControlPlane(
    new Command('graph').argument('[files...]', 'YAML files, or folders of them; without: a running mesh'),
  )
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(outputOption('mermaid', 'svg', 'json'))
    .addHelpText(
      'after',
      `
Of files it draws the calls that they declare: by AuthorizationPolicies that name a caller, by Sidecars that name a host, by
routes of Gateways. Of a running mesh it also shows what was seen, by the proxies of all replicas of the control plane:
rates, and as dotted what is declared and was never seen, as red what was seen and nobody has declared. While a replica does
not answer, it is named, and nothing is drawn as never seen.

Examples:
  $ malha graph manifests -o svg > mesh.svg
  $ malha graph --http http://127.0.0.1:15014 -o json | jq '.edges[] | select(.state == "unseen")'

Exit codes: 0 drawn, 1 drawn although files hold errors (the objects in error are left out) or a replica could not be asked,
2 no such file or control plane.
`,
    )
    .action(async (files: string[], options: Options) => {
      const drawn = files.length > 0 ? await declared(context, files, options) : await observed(context, options);
      context.io.stdout.write(textOf(drawn, options.output));
    });
}

function textOf(drawn: ServiceGraph, output: string): string {
  if (output === 'json') {
    const { nodes, edges, since, wholeSince, replicas } = drawn as Partial<GraphPage>;
    return json({ nodes, edges, since, wholeSince, replicas });
  }
  return output === 'svg' ? graphSvg(drawn) : mermaidOf(drawn);
}

async function declared(context: Context, files: readonly string[], options: Options): Promise<ServiceGraph> {
  const meshConfig = await readMeshConfig(options.meshConfig);
  const read = await readObjects(context.io, files, { definitions: false });
  const { admitted, findings } = admit([], read.objects);
  const all = [...read.findings, ...findings];
  writeFindings(context, all, context.io.stderr);
  if (all.some(({ level }) => level === 'error')) context.exit(ExitCode.wrong);
  const objects = complete(admitted, { pods: options.podRange, services: options.serviceRange });
  return serviceGraph(World.of(objects, { meshConfig }), objects);
}

async function observed(context: Context, options: Options): Promise<GraphPage> {
  const client = await ControlPlaneClient.open(options);
  const page = await client.json<GraphPage>(
    '/graph',
    (value) => Array.isArray(value?.nodes) && Array.isArray(value?.edges),
  );
  for (const replica of silentOf(page.replicas)) {
    const line = silentLine(
      context,
      replica,
      'what its proxies have seen is missing, and no call is said to be unseen',
    );
    context.io.stderr.write(`${line}\n`);
    context.exit(ExitCode.wrong);
  }
  return page;
}
