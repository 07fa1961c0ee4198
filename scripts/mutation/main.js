#!/usr/bin/env node
/**
 * Mutation tests: each operator, condition and literal of a portion is changed, one at a time, and some test has to fail.
 * `npm run mutation` runs all portions, `npm run mutation -- csr tokens` these. No part of CI, because it takes long.
 * The reports, with each survivor, lie in `.cache/mutation`.
 */
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const portions = require('./portions');

const ROOT = join(__dirname, '../..');
const REPORTS = join(ROOT, '.cache/mutation');
const { projects } = require(join(ROOT, 'jest.config.js'));

async function run(name) {
  const { Stryker } = await import('@stryker-mutator/core');
  const { mutate, tests } = portions[name];
  const { displayName: _, rootDir: __, ...fast } = projects[0];
  const results = await new Stryker({
    mutate,
    testRunner: 'jest',
    plugins: ['@stryker-mutator/jest-runner', join(__dirname, 'messages.js')],
    ignorers: ['messages'],
    jest: {
      projectType: 'custom',
      config: {
        ...fast,
        roots: ['<rootDir>/test', '<rootDir>/lib'],
        testMatch: tests.map((test) => `<rootDir>/${test}`),
      },
      enableFindRelatedTests: false,
    },
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env.CONCURRENCY ?? 1),
    tempDirName: '.cache/stryker',
    ignorePatterns: ['/dist', '/docs', '/manifests', '/image', '/temp', '/.cache', '/test/artefacts'],
    reporters: ['clear-text', 'json'],
    clearTextReporter: { logTests: false, reportTests: false, reportScoreTable: false, reportMutants: false },
    jsonReporter: { fileName: join('.cache/mutation', `${name}.json`) },
    allowConsoleColors: false,
    logLevel: 'warn',
    thresholds: { high: 100, low: 0, break: null },
  }).runMutationTest();
  return scored(results);
}

/** A mutant that no test covers has survived; one that makes the program hang has been noticed. */
function scored(results) {
  const is = (...states) => results.filter(({ status }) => states.includes(status)).length;
  const [killed, survived] = [is('Killed', 'Timeout'), is('Survived', 'NoCoverage')];
  return { killed, survived, score: (100 * killed) / (killed + survived) };
}

async function main(names) {
  const unknown = names.find((name) => !Object.hasOwn(portions, name));
  if (unknown) throw new Error(`no portion '${unknown}': use ${Object.keys(portions).join(', ')}`);
  mkdirSync(REPORTS, { recursive: true });
  for (const name of names.length > 0 ? names : Object.keys(portions)) {
    const { killed, survived, score } = await run(name);
    console.log(`${name}: ${score.toFixed(1)} % of ${killed + survived} mutants killed, ${survived} survived`);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
