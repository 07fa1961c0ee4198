/**
 * What a newcomer waits for: from `npm start` in an installed checkout to the first request that is proven right. The
 * build that npm runs before counts; the program itself tells when the first request was proven, from its own start on.
 */
import { spawn } from 'node:child_process';
import { measured, type Part } from '../measurement';

/** What start.ts says first, and the line of its table. */
const FIRST_WORDS = 'synthesizing';
const PROVEN = /time to the first proven request\s*│[^│]*│\s*([\d.]+) s/;

export const start: Part = {
  name: 'start',
  about: 'from npm start to the first proven request',
  async run(say) {
    say('npm start -- --once');
    const { buildSeconds, output } = await npmStart();
    const seconds = Number(PROVEN.exec(output)?.[1]);
    if (Number.isNaN(seconds)) throw new Error(`npm start proved no request; it said\n${output}`);
    return [
      measured('start', 'npm and the build before', buildSeconds, 's'),
      measured('start', 'program to the first proven request', seconds, 's'),
      measured('start', 'npm start to the first proven request', buildSeconds + seconds, 's', 15),
    ];
  },
};

async function npmStart(): Promise<{ buildSeconds: number; output: string }> {
  const begin = performance.now();
  const child = spawn('npm', ['start', '--', '--once', '--port', '0'], { env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  let buildSeconds: number | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
      if (output.includes(FIRST_WORDS)) buildSeconds ??= (performance.now() - begin) / 1000;
    });
  }
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (buildSeconds === undefined) throw new Error(`npm start did not get to its program; it said\n${output}`);
  return { buildSeconds, output };
}
