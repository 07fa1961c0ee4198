/** `malha tap` */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Tap, TappedRequest } from '../../control-plane/tap';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import type { Context } from '../io';
import { outputOption } from '../output-format';
import { silentLine } from '../silent-replicas';

interface Options extends ControlPlaneOptions, Filter {
  output: string;
  limit?: number;
}

export interface Filter {
  readonly from?: string;
  readonly to?: string;
  readonly status?: readonly string[];
  readonly namespace?: string;
}

const PAUSE_MILLISECONDS = 500;

export function tap(context: Context): Command {
  return withControlPlane(new Command('tap'))
    .option('--from <words>', 'only requests whose caller’s name or identity contains this')
    .option('--to <words>', 'only requests whose callee’s name contains this')
    .option('--status <codes>', 'only these answers: 404, 5xx, or several with commas; 0: never answered', parseCodes)
    .option('--namespace <name>', 'only requests from or to this namespace')
    .option('--limit <count>', 'end after so many requests', parseLimit)
    .addOption(outputOption('text', 'json'))
    .addHelpText(
      'after',
      `
One line a request, as access logs tell it: when, who called whom, what was asked and answered, how long it took, by which
route. The caller's proxy tells of a request; the callee's where the caller has none. Queries of paths and all headers
are left out, because they may hold secrets. JSON is one object a line.

Several replicas of a control plane share the proxies: the one that is asked asks all the others, so the requests are those of
the whole mesh. A replica that does not answer is named on standard error: requests of its proxies are missing. It is bounded:
where requests come faster than they can be shown or taken in, some go by, and how many is told on standard error.

Examples:
  $ malha tap --to reviews --status 5xx
  $ malha tap --from sa/productpage -o json | jq .path
  $ malha tap --http https://127.0.0.1:15012 --token-file token --ca root.pem --server-name malha-control-plane.malha-system.svc

Exit codes: 0 ended by Ctrl-C or --limit, 2 the control plane does not answer.
`,
    )
    .action(async ({ output, limit = Number.POSITIVE_INFINITY, ...options }: Options) => {
      const { io } = context;
      const client = await ControlPlaneClient.open(options);
      const read = (cursor?: string) =>
        client.json<Tap>(cursor === undefined ? '/tap' : `/tap?after=${encodeURIComponent(cursor)}`, (value) =>
          Array.isArray(value?.requests),
        );
      const tell = silenceTeller(context);
      let ended = false;
      const interrupted = io.untilInterrupted().then(() => {
        ended = true;
      });
      let before = await read();
      tell(before.replicas);
      let left = limit;
      while (!ended && left > 0) {
        await Promise.race([sleep(PAUSE_MILLISECONDS), interrupted]);
        if (ended) break;
        const now = await read(before.cursor);
        tell(now.replicas);
        if (now.missed > 0) io.stderr.write(`malha: ${now.missed} requests went by unseen\n`);
        const shown = now.requests.filter((request) => isWanted(request, options)).slice(0, left);
        for (const request of shown) {
          io.stdout.write(output === 'json' ? `${JSON.stringify(request)}\n` : `${lineOf(context, request)}\n`);
        }
        left -= shown.length;
        before = now;
      }
    });
}

/** Says once that a replica does not answer, and once that it does again. */
function silenceTeller(context: Context): (replicas: Tap['replicas']) => void {
  const { io } = context;
  const silent = new Set<string>();
  return (replicas) => {
    for (const replica of replicas) {
      const { name, error } = replica;
      if (error === undefined) {
        if (silent.delete(name)) io.stderr.write(`malha: replica ${name} answers again\n`);
      } else if (!silent.has(name)) {
        silent.add(name);
        io.stderr.write(`${silentLine(context, replica, 'requests of its proxies are missing')}\n`);
      }
    }
    // One that is gone for good has nothing to come back with.
    for (const name of silent) if (!replicas.some((replica) => replica.name === name)) silent.delete(name);
  };
}

/** Whether a request is to be shown: once, and as the filter says. */
export function isWanted(request: TappedRequest, { from, to, status, namespace }: Filter): boolean {
  // Where the caller has a certificate of the mesh, its own proxy tells of the same request.
  if (request.reporter === 'destination' && request.identity !== undefined) return false;
  const { code } = request;
  return (
    (from === undefined || request.from.includes(from) || (request.identity ?? '').includes(from)) &&
    (to === undefined || request.to.includes(to)) &&
    (status === undefined || status.some((each) => each === String(code) || each === `${Math.floor(code / 100)}xx`)) &&
    (namespace === undefined || [request.from, request.to].some((end) => isIn(end, namespace)))
  );
}

function isIn(end: string, namespace: string): boolean {
  const labels = end.split('.');
  return (
    end.includes(`/ns/${namespace}/`) || labels.at(-1) === namespace || (labels[2] === 'svc' && labels[1] === namespace)
  );
}

function lineOf({ colors }: Context, request: TappedRequest): string {
  const { time, from, to, subset, protocol, method, path, code, flags, milliseconds, route, bytesReceived, bytesSent } =
    request;
  const paint =
    code >= 500 || (code === 0 && protocol === 'http') ? colors.red : code >= 400 ? colors.yellow : colors.green;
  const asked = protocol === 'http' ? `${method} ${path}` : `tcp ${bytesReceived} B in, ${bytesSent} B out`;
  const answer = protocol === 'http' ? paint(code === 0 ? 'no answer' : String(code)) : '';
  return [
    time.slice(11, 23),
    from || 'unknown',
    '→',
    `${to}${subset ? ` (${subset})` : ''}`,
    asked,
    answer,
    ...flags.map((flag) => paint(flag)),
    `${milliseconds.toFixed(1)} ms`,
    route && colors.dim(`route ${route}`),
  ]
    .filter(Boolean)
    .join(' ');
}

function parseCodes(text: string): string[] {
  const codes = text.split(',').map((code) => code.trim().toLowerCase());
  if (!codes.every((code) => /^([1-5]\d\d|[1-5]xx|0)$/.test(code))) {
    throw new InvalidArgumentError('codes are wanted, such as 404 or 5xx, several with commas');
  }
  return codes;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError('a whole number is wanted, 1 or more');
  return limit;
}
