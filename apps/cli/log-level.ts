/** `--log-level` of the programs that log as JSON. */
import { Option } from 'commander';

export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'what is logged, as JSON on standard output')
    .choices(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info');
}
