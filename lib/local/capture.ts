/** Which way of capture this machine allows. Found out by trying it, in namespaces that are gone a moment later. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { redirectionRules } from '../injector';
import type { Capture } from './pod-plan';

const run = promisify(execFile);

export interface CaptureChoice {
  capture: Capture;
  /** Why this one: `root can make network namespaces`. */
  reason: string;
  /** Transparent capture inside a user namespace, for users who are not root. */
  userNamespace: boolean;
}

/** What the probe may ask; tests give their own. */
export interface Machine {
  platform: NodeJS.Platform;
  uid: number;
  hasProgram(name: string): Promise<boolean>;
  /** Runs a command with `input` as its standard input. @throws with its standard error as `stderr`. */
  run(command: readonly string[], input: string): Promise<void>;
}

/** Administrators' programs are not on every user's PATH. */
export const SYSTEM_PATH = [process.env.PATH, '/usr/sbin', '/sbin', '/usr/local/sbin'].filter(Boolean).join(delimiter);

const PROGRAMS = {
  ip: 'iproute2',
  'iptables-restore': 'iptables',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
};

/** Maps a whole range of users, so that the proxy can be another user than the application; needs newuidmap. */
export const USER_NAMESPACE = ['unshare', '--user', '--map-root-user', '--map-auto'];

/**
 * @param wanted `auto` takes transparent capture where it works.
 * @throws when transparent capture is wanted and does not work, with what is missing.
 */
export async function chooseCapture(wanted: Capture | 'auto', machine: Machine = thisMachine): Promise<CaptureChoice> {
  if (wanted === 'explicit') return { capture: 'explicit', reason: 'it was asked for', userNamespace: false };
  const root = machine.uid === 0;
  const obstacle = await obstacleTo(machine, root);
  if (!obstacle) {
    const way = root ? 'root can make network namespaces here' : 'user namespaces are allowed here';
    return { capture: 'transparent', reason: way, userNamespace: !root };
  }
  if (wanted === 'transparent') {
    throw new Error(`transparent capture does not work here: ${obstacle}; use --capture explicit or auto`);
  }
  return { capture: 'explicit', reason: `transparent capture does not work here: ${obstacle}`, userNamespace: false };
}

async function obstacleTo(machine: Machine, root: boolean): Promise<string | undefined> {
  if (machine.platform !== 'linux') return 'it needs Linux';
  for (const [program, source] of Object.entries(PROGRAMS)) {
    if (!(await machine.hasProgram(program))) return `${program} is not installed (package ${source})`;
  }
  if (!root && !(await machine.hasProgram('newuidmap'))) {
    return 'it needs root, or user namespaces with newuidmap (package uidmap)';
  }
  const script =
    'ip link add probe type bridge && iptables-restore --noflush && setpriv --reuid 1337 --regid 1337 --clear-groups true';
  const command = [...(root ? ['unshare'] : USER_NAMESPACE), '--net', '--mount', '--', 'sh', '-c', script];
  try {
    await machine.run(command, redirectionRules());
    return undefined;
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr || (error as Error).message);
    const reason = said.trim().split('\n').at(-1);
    return `${root ? 'namespaces' : 'user namespaces'} cannot be made (${reason})`;
  }
}

export const thisMachine: Machine = {
  platform: process.platform,
  uid: process.getuid?.() ?? -1,
  async hasProgram(name) {
    const found = await Promise.allSettled(
      SYSTEM_PATH.split(delimiter).map((folder) => access(join(folder, name), constants.X_OK)),
    );
    return found.some(({ status }) => status === 'fulfilled');
  },
  async run([program, ...args], input) {
    const running = run(program!, args, { env: { ...process.env, PATH: SYSTEM_PATH }, timeout: 10_000 });
    running.child.stdin?.end(input);
    await running;
  },
};
