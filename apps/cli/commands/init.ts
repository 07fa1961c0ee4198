/** `malha init`: what the init container of a captured pod runs. */
import { spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { Command } from 'commander';
import { parsePorts, parseRanges, type RedirectionOptions, redirectionRules } from '../../../lib/injector';
import type { Context } from '../io';

interface Options extends RedirectionOptions {
  dryRun?: boolean;
  force?: boolean;
}

type Family = 4 | 6;

export function init({ io }: Context): Command {
  const ports = (flag: string) => (text: string) => parsePorts(text, flag);
  const ranges = (flag: string) => (text: string) => parseRanges(text, flag);
  const listOption = <T>(
    command: Command,
    flag: string,
    value: string,
    what: string,
    parse: (flag: string) => (text: string) => T,
  ) => command.option(`${flag} <${value}>`, what, parse(flag));

  const command = new Command('init').option(
    '--proxy-id <id>',
    'user and group id of the proxy, whose own traffic is not redirected (default: 1337)',
    (text) => parseId(text),
  );
  listOption(command, '--include-inbound-ports', 'ports', 'the only ports of the pod that are captured', ports);
  listOption(command, '--exclude-inbound-ports', 'ports', 'ports of the pod that are not captured', ports);
  listOption(command, '--exclude-outbound-ports', 'ports', 'destination ports that are not captured', ports);
  listOption(command, '--include-outbound-ranges', 'cidrs', 'the only destinations that are captured', ranges);
  listOption(command, '--exclude-outbound-ranges', 'cidrs', 'destinations that are not captured', ranges);
  return command
    .option('--capture-dns', 'send questions for names to the proxy as well')
    .option('--dry-run', 'print the rules and change nothing')
    .option('--force', 'also where this does not look like a pod')
    .addHelpText(
      'after',
      `
Writes the rules for transparent capture into the network namespace that it runs in, for IPv4, and for IPv6 where the
pod has such an address. It needs root with NET_ADMIN and NET_RAW, and iptables. Lists are separated by commas.

Examples:
  $ malha init --dry-run --exclude-outbound-ports 5432
  $ ip netns exec pod malha init --force
`,
    )
    .action(async ({ dryRun, force, ...redirection }: Options) => {
      const families: Family[] = hasIPv6() ? [4, 6] : [4];
      if (dryRun) {
        for (const family of families) io.stdout.write(redirectionRules({ ...redirection, family }));
        return;
      }
      const uid = process.getuid?.();
      if (uid !== 0) {
        throw new Error(
          `init needs root with NET_ADMIN and NET_RAW, and runs as uid ${uid}: use sudo, or --dry-run to see the rules`,
        );
      }
      if (!force && !io.env.KUBERNETES_SERVICE_HOST) {
        throw new Error(
          'this does not look like a pod (KUBERNETES_SERVICE_HOST is not set), and init redirects all traffic of the ' +
            'network namespace it runs in: give --force if that is wanted',
        );
      }
      for (const family of families) {
        io.stderr.write(`${await apply(family, redirectionRules({ ...redirection, family }))}\n`);
      }
    });
}

/** A restarted init container finds its rules in place: they belong to the pod, not to the container. */
async function apply(family: Family, rules: string): Promise<string> {
  const iptables = family === 4 ? 'iptables' : 'ip6tables';
  const present = await feed(`${iptables}-save`, ['-t', 'nat']);
  if (present.includes(':ISTIO_OUTPUT ')) return `IPv${family}: redirection is already in place`;
  await feed(`${iptables}-restore`, ['--noflush', '--wait', '10'], rules);
  return `IPv${family}: redirected`;
}

async function feed(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    let out = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(`${program} is not installed: install iptables`) : error),
    );
    child.on('close', (code) =>
      code === 0
        ? resolve(out)
        : reject(new Error(`${program} failed (${code}): ${errors.trim() || 'it gave no reason'}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Link-local addresses are on every interface; nobody is reached by them. */
function hasIPv6(): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((address) => address?.family === 'IPv6' && !address.internal && !address.address.startsWith('fe80:'));
}

function parseId(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--proxy-id: '${text}' is not a numeric user id`);
  return Number(text);
}
