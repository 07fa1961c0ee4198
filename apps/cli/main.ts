#!/usr/bin/env node
/** The program `malha`: the process around run(). */
import { processIo } from './io';
import { run } from './run';

// Whoever reads us (`| head`) may stop reading; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

run(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
