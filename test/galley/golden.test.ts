/**
 * What each analyzer says: `case.in.yaml` holds objects that are right and objects that are wrong, under a first line with
 * the analyzer's name; `case.out.yaml` is what this analyzer finds among them. `UPDATE_GOLDEN=1` writes it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readObjects } from '../../lib/discovery/files/read';
import { analyze, catalogue, type Finding } from '../../lib/galley';

const FOLDER = join(__dirname, '../golden/galley');

/** A time at which nothing that the cases hold has changed. */
const NOW = Date.parse('2026-01-01T00:00:00Z');

const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.in.yaml'))
  .map((name) => name.slice(0, -'.in.yaml'.length));

interface Case {
  analyzer: string;
  findings: Finding[];
  /** Texts that could not be read, which would make a case of fewer objects than it shows. */
  unread: Finding[];
}

function run(name: string): Case {
  const text = readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8');
  const analyzer = text.split('\n')[0]!.replace(/^# /, '');
  const { objects, findings: unread } = readObjects(text, `${name}.in.yaml`);
  return { analyzer, findings: analyze(objects, { now: NOW }), unread };
}

const runs = new Map(cases.map((name) => [name, run(name)]));

describe.each(cases)('the objects of %s', (name) => {
  const { analyzer, findings, unread } = runs.get(name)!;

  it('are told of just what is written beside them', () => {
    const told = findings
      .filter((finding) => finding.analyzer === analyzer)
      .map(({ code, level, resource, path, message, line }) => ({ code, level, resource, path, line, message }));
    const actual = stringify(told, { lineWidth: 0 });
    const output = join(FOLDER, `${name}.out.yaml`);
    if (process.env['UPDATE_GOLDEN']) {
      writeFileSync(output, actual);
    }
    expect(unread).toEqual([]);
    expect(existsSync(output) && readFileSync(output, 'utf8')).toBe(actual);
  });
});

describe('the cases', () => {
  it('show every code of an analysis that the catalogue has', () => {
    const ofValidation = ['IST0106', 'IST0133'];
    const ours = ['MAL0003', 'MAL0004', 'MAL0005', 'MAL0006', 'MAL0007', 'MAL0008', 'MAL0010'];
    const istios = Object.keys(catalogue).filter((code) => code.startsWith('IST') && !ofValidation.includes(code));
    const wanted = [...istios, ...ours];
    const found = new Set([...runs.values()].flatMap(({ findings }) => findings.map(({ code }) => code)));
    expect(wanted.filter((code) => !found.has(code))).toEqual([]);
  });
});
