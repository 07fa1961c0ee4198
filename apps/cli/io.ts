/** What a command may touch of the outside: its streams and environment. Tests give their own. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import pc from 'picocolors';

export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Io {
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: NodeJS.ProcessEnv;
  /** All of standard input, as text. */
  stdin(): Promise<string>;
  /** One line that a person types after `question`. Absent where nobody sits at a terminal. */
  ask?(question: string): Promise<string>;
  /** Resolves when the user or the system asks the program to end (SIGINT, SIGTERM). */
  untilInterrupted(): Promise<void>;
}

/** What every command gets. */
export interface Context {
  readonly io: Io;
  /** Colours on standard output: none unless it is a terminal and NO_COLOR is empty (https://no-color.org). */
  readonly colors: ReturnType<typeof pc.createColors>;
  /** Says how the program ends; 0 unless somebody said otherwise. */
  exit(code: ExitCode): void;
}

/** How the program ends. */
export const ExitCode = {
  ok: 0,
  /** What was looked at is not as it should be: errors were found, an expectation was wrong. */
  wrong: 1,
  /** The command could not do its work: wrong usage, a file or an address that cannot be used. */
  failed: 2,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export function contextOf(io: Io, exit: (code: ExitCode) => void): Context {
  return { io, colors: pc.createColors(Boolean(io.stdout.isTTY) && !io.env.NO_COLOR), exit };
}

/** The process's own streams. */
export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    ...(process.stdin.isTTY && process.stderr.isTTY && { ask }),
    async stdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    async untilInterrupted() {
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    },
  };
}

/** Asked on standard error: standard output may be read by a program. Ctrl-D answers nothing. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const closed = once(terminal, 'close').then(() => '');
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}
