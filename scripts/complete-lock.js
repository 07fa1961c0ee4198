#!/usr/bin/env node
/**
 * Completes package-lock.json with the native packages of other platforms: `node scripts/complete-lock.js`, after each
 * `npm install` that changes it.
 *
 * A registry that mirrors one platform only does not know them; npm then leaves them out of the lock file, and `npm ci`
 * refuses a lock file that misses any, on every platform. Their versions stand in the packages that name them, their
 * platforms in their names. Where an entry is there already, it is left as it is. `--check` changes nothing, and ends
 * with 1 where some are missing.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const FILE = join(__dirname, '..', 'package-lock.json');
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** `@swc/core-linux-arm64-musl` → what npm compares with the machine; undefined when the name tells no platform. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (!os || !cpu) return undefined;
  const libc = os === 'linux' && (/musl/.test(name) ? ['musl'] : /gnu/.test(name) ? ['glibc'] : undefined);
  return { cpu: [cpu], ...(libc && { libc }), os: [os] };
}

/** Whether Node would find `name` from the package at `path`. */
function found(packages, path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at && `${at}/`}node_modules/${name}`]) return true;
    if (!at) return false;
  }
}

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const added = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (found(lock.packages, path, name)) continue;
    const platform = platformOf(name);
    if (!platform || !/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(
        `${path} wants ${name} ${version}, which is not in the lock file and names no platform: add it by hand`,
      );
    }
    lock.packages[`node_modules/${name}`] = { version, ...(dev && { dev }), optional: true, ...platform };
    added.push(`${name} ${version}`);
  }
}
const told = `${added.length} platform packages ${process.argv.includes('--check') ? 'are missing' : 'added'}`;
process.stdout.write(`${told}${added.length > 0 ? `: ${added.join(', ')}` : ''}\n`);
if (process.argv.includes('--check')) process.exitCode = added.length > 0 ? 1 : 0;
else {
  // In the order in which npm writes it.
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
}
