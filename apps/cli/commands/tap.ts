/** `malha tap` */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Tap, TappedRequest } from '../../control-plane/tap';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import type { Context } from '../io';
import { outputOption } from '../output-format';

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

What it shows is what has come to this control plane: several replicas share the proxies. It is bounded: where requests come
faster than they can be shown or taken in, some go by, and how many is told on standard error.

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
      const read = (cursor?: number) =>
        client.json<Tap>(cursor === undefined ? '/tap' : `/tap?after=${cursor}`, (value) =>
          Array.isArray(value?.requests),
        );
      let ended = false;
      const interrupted = io.untilInterrupted().then(() => {
        ended = true;
      });
      let before = await read();
      let left = limit;
      while (!ended && left > 0) {
        await Promise.race([sleep(PAUSE_MILLISECONDS), interrupted]);
        if (ended) break;
        const now = await read(before.cursor);
        const missed = now.forgotten + Math.max(0, now.lost - before.lost);
        if (missed > 0) io.stderr.write(`malha: ${missed} requests went by unseen\n`);
        const shown = now.requests.filter((request) => isWanted(request, options)).slice(0, left);
        for (const request of shown) {
          io.stdout.write(output === 'json' ? `${JSON.stringify(request)}\n` : `${lineOf(context, request)}\n`);
        }
        left -= shown.length;
        before = now;
      }
    });
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
