/** From arguments to an exit code: builds the program, runs one command, and says in one line what went wrong. */
import { Command, CommanderError } from 'commander';
import { nearest } from '../../lib/galley/nearest';
import { MALHA_VERSION } from '../../lib/injector/images';
import { COMMANDS } from './commands';
import { type Context, contextOf, ExitCode, type Io } from './io';

const EXAMPLES = `
Examples:
  $ malha up manifests                 the mesh of these manifests, on this machine
  $ malha analyze manifests            what is wrong with them?
  $ malha proxy-config manifests --proxy reviews-v1.bookinfo
  $ malha COMMAND --help               all about one command

Exit codes: 0 all is well; 1 something looked at is wrong; 2 the command could not do its work.
Colours are used on a terminal only, and not when NO_COLOR is set. MALHA_DEBUG=1 shows where an error comes from.
`;

/**
 * Runs `malha` with these arguments (without program names). Never throws.
 * @returns the exit code, when the command has ended.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = ExitCode.ok;
  const context = contextOf(io, (wish) => {
    code = wish;
  });
  try {
    // `malha help up` is `malha up --help`.
    const asked = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
    // Help for a command that is none would be the help for all of them.
    const args = isCommand(asked[0]) ? asked : asked.slice(0, 1);
    await programFor(args[0], context).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.failed;
    io.stderr.write(`malha: ${describe(error, io.env)}\n`);
    return ExitCode.failed;
  }
}

/** An option is for the program itself. */
function isCommand(name: string | undefined): boolean {
  return name === undefined || name.startsWith('-') || COMMANDS.some((command) => command.name === name);
}

function programFor(name: string | undefined, context: Context): Command {
  const { io } = context;
  const program = new Command('malha')
    .description('A service mesh that is written as a typed program.')
    .version(MALHA_VERSION, '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text.replace(/^error: /, 'malha: ')),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => context.colors.isColorSupported,
      getErrHasColors: () => false,
    })
    .addHelpText('after', EXAMPLES);
  for (const entry of COMMANDS) {
    const command = entry.name === name ? entry.load()(context) : new Command(entry.name);
    program.addCommand(inherit(command, program).description(entry.summary));
  }
  program.action(() => {
    if (name !== undefined) {
      const near = nearest(
        name,
        COMMANDS.map((command) => command.name),
      );
      const meant = near ? `, did you mean ${near}?` : ';';
      program.error(`error: unknown command '${name}'${meant} malha --help lists the commands`);
    }
    program.outputHelp();
  });
  return program.allowExcessArguments();
}

function inherit(command: Command, program: Command): Command {
  return command.copyInheritedSettings(program).showHelpAfterError(`(malha ${command.name()} --help explains)`);
}

/** One line for people; the whole error, with its stack, when MALHA_DEBUG asks for it. */
function describe(error: unknown, env: NodeJS.ProcessEnv): string {
  const { message, stack, code, syscall, path } = error as NodeJS.ErrnoException;
  if (message === undefined) return String(error);
  if (env.MALHA_DEBUG && stack) return stack;
  if (code === 'ENOENT' && path) return `${path}: no such file or folder`;
  if (code === 'EACCES' && path) return `${path}: permission denied (${syscall})`;
  if (code === 'EISDIR') return `${path ?? 'the input'}: is a folder, a file is wanted`;
  return message;
}
