/** `malha graph [FILES…]` */
import { Command } from 'commander';
import { admit } from '../../../lib/galley';
import { mermaidOf } from '../../../lib/graph/mermaid';
import { type ServiceGraph, serviceGraph } from '../../../lib/graph/service-graph';
import { complete, World } from '../../../lib/world';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import { writeFindings } from '../findings-report';
import { graphSvg } from '../graph-svg';
import { type Context, ExitCode } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { json, outputOption } from '../output-format';

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
routes of Gateways. Of a running mesh it also shows what was seen: rates, and as dotted what is declared and was never
seen, as red what was seen and nobody has declared.

Examples:
  $ malha graph manifests -o svg > mesh.svg
  $ malha graph --http http://127.0.0.1:15014 -o json | jq '.edges[] | select(.state == "unseen")'

Exit codes: 0 drawn, 1 drawn although files hold errors (the objects in error are left out), 2 no such file or control plane.
`,
    )
    .action(async (files: string[], options: Options) => {
      const drawn = files.length > 0 ? await declared(context, files, options) : await observed(options);
      context.io.stdout.write(textOf(drawn, options.output));
    });
}

function textOf(drawn: ServiceGraph, output: string): string {
  if (output === 'json') return json({ nodes: drawn.nodes, edges: drawn.edges });
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

async function observed(options: Options): Promise<ServiceGraph> {
  const client = await ControlPlaneClient.open(options);
  return client.json<ServiceGraph>('/graph', (value) => Array.isArray(value?.nodes) && Array.isArray(value?.edges));
}
