/** `malha explain FILES… --from NAME.NAMESPACE --to NAME.NAMESPACE` */
import { Command } from 'commander';
import { type KubeObject, objectName } from '../../../lib/api/object';
import { originOf } from '../../../lib/api/origin';
import { admit } from '../../../lib/galley';
import { trustDomainsOf } from '../../../lib/pilot/authorization';
import { resolveTargetPort } from '../../../lib/pilot/inbound-ports';
import { identityOf } from '../../../lib/simulator';
import {
  type Call,
  type Change,
  type Decision,
  decide,
  type Judged,
  smallestChange,
} from '../../../lib/simulator/authorization';
import { complete, isHttp, modeAt, modeField, type Proxy, proxyNamed, World } from '../../../lib/world';
import { writeFindings } from '../findings-report';
import { type Context, ExitCode } from '../io';
import { meshConfigOption, podRangeOption, readMeshConfig, readObjects, serviceRangeOption } from '../mesh-files';
import { json, outputOption } from '../output-format';

interface Options {
  from: string;
  to: string;
  port?: string;
  method: string;
  path: string;
  host?: string;
  header: string[];
  claim: string[];
  plain?: boolean;
  output: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
}

const collect = (value: string, all: string[]) => [...all, value];

export function explain(context: Context): Command {
  return new Command('explain')
    .argument('<files...>', 'YAML files, or folders of them; - is standard input')
    .requiredOption('--from <name.namespace>', 'the workload that calls, or its Service')
    .requiredOption('--to <name.namespace>', 'the workload that is called, or its Service')
    .option('--port <port>', 'the port of its Service, by number or name (default: the first)')
    .option('--method <method>', 'of the request', 'GET')
    .option('--path <path>', 'of the request', '/')
    .option('--host <host>', 'of the request (default: the host of the Service)')
    .option('--header <name=value>', 'a header of the request; may be repeated', collect, [])
    .option('--claim <name=value>', 'a claim of a good token that the request carries; may be repeated', collect, [])
    .option('--plain', 'the caller shows no certificate')
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
Says which rule of which AuthorizationPolicy (or which PeerAuthentication) allows or refuses a call, where it is written and by which
construct, and the smallest change that would turn the decision around. What the files lack (addresses, Pods of a Deployment) is made up, always the same.

Examples:
  $ malha explain manifests --from productpage-v1.bookinfo --to reviews-v1.bookinfo --path /reviews/1
  $ malha explain manifests --from job.batch --to db.shop --port 5432

Exit codes: 0 allowed, 1 refused, 2 no such workload, port or file.
`,
    )
    .action(async (files: string[], options: Options) => {
      const meshConfig = await readMeshConfig(options.meshConfig);
      const read = await readObjects(context.io, files, { definitions: false });
      const { admitted, findings } = admit([], read.objects);
      writeFindings(context, [...read.findings, ...findings], context.io.stderr);
      const objects = complete(admitted, { pods: options.podRange, services: options.serviceRange });
      const world = World.of(objects, { meshConfig });
      const [from, to] = [workload(world, options.from), workload(world, options.to)];
      const call = provenCall(world, to, callOf(world, from, to, options));
      const setting = { trustDomains: trustDomainsOf(world.meshConfig()), ask: () => true };
      const decision = decide(world.authorizationPolicies(to.namespace, to.labels), call, setting);
      const changes = smallestChange(decision, call, setting);
      const explanation = withTransport(world, to, call, explanationOf(options, call, decision, changes));
      context.io.stdout.write(options.output === 'json' ? json(explanation) : textOf(explanation));
      if (explanation.verdict === 'refused') context.exit(ExitCode.wrong);
    });
}

/** A Pod, what makes it, or a Service, which stands for the first of its Pods: most policies hold for all of them. */
function workload(world: World, name: string): Proxy {
  const proxy = proxyNamed(world, name) ?? behindService(world, name);
  if (proxy) return proxy;
  const namespace = name.slice(name.lastIndexOf('.') + 1);
  const pods = world.pods(namespace).map(({ metadata }) => `${metadata.name}.${namespace}`);
  const known = pods.length > 0 ? `; namespace ${namespace} has ${pods.sort().join(', ')}` : '';
  throw new Error(`no workload ${name}: want NAME.NAMESPACE of a Pod, of what makes it, or of its Service${known}`);
}

function behindService(world: World, name: string): Proxy | undefined {
  const dot = name.lastIndexOf('.');
  const namespace = name.slice(dot + 1);
  const pod = world
    .pods(namespace)
    .filter(({ metadata }) =>
      world.servicesOfWorkload(namespace, metadata.labels ?? {}).some((service) => service.name === name.slice(0, dot)),
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
  return pod && proxyNamed(world, `${pod.metadata.name}.${namespace}`);
}

function callOf(world: World, from: Proxy, to: Proxy, options: Options): Call {
  const ports = world
    .servicesOfWorkload(to.namespace, to.labels)
    .flatMap((service) => service.ports.map((port) => ({ ...port, service })));
  const port =
    options.port === undefined
      ? ports[0]
      : ports.find(({ number, name }) => String(number) === options.port || name === options.port);
  if (!port) {
    const known =
      ports.map(({ number, name }) => (name ? `${number} (${name})` : number)).join(', ') ||
      'none, since no Service selects it';
    throw new Error(`no port ${options.port ?? ''} at ${options.to}: got ${options.port ?? 'none'}, allowed: ${known}`);
  }
  const pod = world.pod(to.namespace, to.name);
  const hasIssuers = world.requestAuthentications(to.namespace, to.labels).length > 0;
  const claims = Object.fromEntries(options.claim.map(pair));
  return {
    ...(!options.plain && { peer: identityOf(world, from) }),
    sourceAddress: from.ip,
    destinationAddress: to.ip,
    destinationPort: resolveTargetPort(port.targetPort, port.number, pod) ?? port.number,
    ...(isHttp(port.protocol) && {
      http: {
        method: options.method,
        path: options.path,
        authority: options.host ?? `${port.service.hostname}:${port.number}`,
        headers: new Map(options.header.map(pair).map(([name, value]) => [name.toLowerCase(), [value]])),
        // Without a RequestAuthentication nobody reads tokens.
        ...(options.claim.length > 0 && hasIssuers && { claims }),
      },
    }),
  };
}

/** Where the server takes no mutual TLS, its clients call in plaintext, and nobody proves anything. */
function provenCall(world: World, to: Proxy, call: Call): Call {
  const mode = modeAt(world.mutualTls(to.namespace, to.labels), call.destinationPort);
  return mode === 'DISABLE' ? { ...call, peer: undefined } : call;
}

/** A call in plaintext to who takes mutual TLS alone is over before any AuthorizationPolicy is asked. */
function withTransport(world: World, to: Proxy, call: Call, explanation: Explanation): Explanation {
  const mode = modeAt(world.mutualTls(to.namespace, to.labels), call.destinationPort);
  const field = modeField(world.peerAuthentications(to.namespace, to.labels), call.destinationPort);
  if (call.peer || mode !== 'STRICT' || !field) return explanation;
  const at = placeOf(field.policy, undefined, field.path);
  return {
    ...explanation,
    verdict: 'refused',
    why: 'mutual TLS is all that is taken, and the caller shows no certificate',
    rule: at,
    changes: [
      { what: 'call from a workload with an identity' },
      { what: `or set ${field.path} to PERMISSIVE`, at },
      // What is let in by then still has to pass the policies.
      ...(explanation.verdict === 'refused' ? explanation.changes : []),
    ],
  };
}

function pair(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new Error(`want name=value, got '${text}'`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

interface Explanation {
  readonly call: string;
  readonly verdict: 'allowed' | 'refused';
  readonly why: string;
  readonly rule?: Place;
  /** Only if these external authorizers say yes. */
  readonly asked: readonly string[];
  readonly audited: boolean;
  readonly changes: readonly { readonly what: string; readonly at?: Place }[];
}

interface Place {
  readonly object: string;
  readonly rule?: number;
  readonly file?: string;
  readonly line?: number;
  readonly construct?: string;
}

function explanationOf(options: Options, call: Call, decision: Decision, changes: readonly Change[]): Explanation {
  const { allowed, by, nearest, asked, audited } = decision;
  const identity = call.peer ? ` (${call.peer})` : ' (without a certificate)';
  const what = call.http ? `${call.http.method} ${call.http.path}` : 'a connection';
  return {
    call: `${what} from ${options.from}${identity} to ${options.to}, port ${call.destinationPort}`,
    verdict: allowed ? 'allowed' : 'refused',
    why: reason(decision),
    ...(by
      ? { rule: placeOf(by.policy, by.rule) }
      : nearest[0] && { rule: placeOf(nearest[0].policy, nearest[0].rule) }),
    asked: asked.map(({ provider }) => provider),
    audited,
    changes: changes.map(({ what: edit, policy, path }) => ({
      what: edit,
      ...(policy && { at: placeOf(policy, undefined, path) }),
    })),
  };
}

function reason({ allowed, by, nearest }: Decision): string {
  if (by) return `a rule of action ${by.policy.spec?.action ?? 'ALLOW'} takes it`;
  if (allowed) return 'no ALLOW policy holds for the workload';
  return nearest.length > 0
    ? `no rule of an ALLOW policy takes it; the nearest fails at ${failing(nearest[0]!)}`
    : 'an ALLOW policy holds for the workload, and none has a rule';
}

function failing({ misfits }: Judged): string {
  return misfits.map(({ path }) => path).join(' and ');
}

function placeOf(object: KubeObject, rule?: number, path = rule === undefined ? '' : `spec.rules[${rule}]`): Place {
  const { file, line, lineOf, construct } = originOf(object) ?? {};
  const at = lineOf?.(path) ?? line;
  return {
    object: objectName(object),
    ...(rule !== undefined && { rule }),
    ...(file !== undefined && { file }),
    ...(at !== undefined && { line: at }),
    ...(construct !== undefined && { construct }),
  };
}

function textOf({ call, verdict, why, rule, asked, audited, changes }: Explanation): string {
  const lines = [`${verdict}: ${call}`, `  because ${why}`];
  if (rule) lines.push(`  ${shown(rule)}`);
  if (asked.length > 0)
    lines.push(`  if ${asked.join(' and ')} ${asked.length > 1 ? 'say' : 'says'} yes, who are asked before`);
  if (audited) lines.push('  an AUDIT policy takes note of it');
  lines.push(`the smallest change that would turn it around:`);
  for (const { what, at } of changes) lines.push(`  ${what}${at ? `\n    in ${shown(at)}` : ''}`);
  return `${lines.join('\n')}\n`;
}

function shown({ object, rule, file, line, construct }: Place): string {
  const where = [file && `${file}${line === undefined ? '' : `:${line}`}`, construct].filter(Boolean).join(', ');
  return `${object}${rule === undefined ? '' : `, rule ${rule}`}${where && ` (${where})`}`;
}
