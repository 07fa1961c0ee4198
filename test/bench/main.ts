/**
 * The benchmark: `npm run bench [-- PART…] [--json]`. Without parts it runs all of them, one after the other. It needs a quiet
 * machine, and ends with 1 when a goal is missed.
 */
import { type Measurement, type Part, tableOf } from './measurement';
import { admission } from './parts/admission';
import { analyze } from './parts/analyze';
import { api } from './parts/api';
import { console200 } from './parts/console';
import { edit } from './parts/edit';
import { flood } from './parts/flood';
import { idle } from './parts/idle';
import { limit } from './parts/limit';
import { mtls } from './parts/mtls';
import { rbac } from './parts/rbac';
import { routes } from './parts/routes';
import { sign } from './parts/sign';
import { start } from './parts/start';
import { synth } from './parts/synth';
import { telemetry } from './parts/telemetry';
import { translate } from './parts/translate';

const PARTS: readonly Part[] = [
  console200,
  synth,
  analyze,
  translate,
  start,
  edit,
  api,
  admission,
  flood,
  idle,
  sign,
  telemetry,
  mtls,
  rbac,
  routes,
  limit,
];

async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json');
  const names = argv.filter((argument) => argument !== '--json');
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    const lines = PARTS.map(({ name, about }) => `  ${name.padEnd(9)} ${about}\n`);
    const problem = unknown.includes('--help') ? '' : `bench: there is no part ${unknown.join(', ')}\n`;
    process.stderr.write(`${problem}usage: npm run bench [-- PART… --json], parts are\n${lines.join('')}`);
    return problem ? 2 : 0;
  }
  const all: Measurement[] = [];
  for (const part of PARTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const measurements = await part.run((line) => process.stderr.write(`${part.name}: ${line}\n`));
    all.push(...measurements);
    if (json) for (const measurement of measurements) process.stdout.write(`${JSON.stringify(measurement)}\n`);
  }
  if (!json) process.stdout.write(`${tableOf(all)}\n`);
  return all.some(({ ok }) => ok === false) ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`bench: ${error.stack ?? error.message}\n`);
    process.exit(2);
  },
);
