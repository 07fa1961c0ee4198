/** Runs `malha` inside the test, with streams that are kept. */
import type { ExitCode, Io } from '../../apps/cli/io';
import { run } from '../../apps/cli/run';

export interface Captured {
  code: ExitCode;
  stdout: string;
  stderr: string;
}

export interface Surroundings {
  stdin?: string;
  env?: NodeJS.ProcessEnv;
  isTTY?: boolean;
  /** What the user types when asked. Default: nobody is there. */
  answer?: string;
  /** When the user presses Ctrl-C; default at once. */
  interrupted?: Promise<void>;
}

export async function malha(argv: readonly string[], given: Surroundings = {}): Promise<Captured> {
  const captured = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: given.isTTY ?? false,
    write: (text: string) => {
      captured[name] += text;
    },
  });
  const io: Io = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: given.env ?? {},
    stdin: async () => given.stdin ?? '',
    ...(given.answer !== undefined && {
      ask: async (question: string) => {
        captured.stderr += question;
        return given.answer!;
      },
    }),
    untilInterrupted: async () => given.interrupted,
  };
  const code = await run(argv, io);
  return { code, ...captured };
}
