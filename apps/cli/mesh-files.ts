/** The objects of FILES, as commands get them; and the World that they make. */
import { access, readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { MeshConfig, MeshNetworks } from '../../lib/api';
import {
  type ReadFiles,
  type ReadOptions,
  readFiles,
  readObjects as readText,
  withoutDuplicates,
} from '../../lib/discovery/files';
import { DEFAULT_RANGES, parseMeshConfig, parseMeshNetworks } from '../../lib/world';
import type { Io } from './io';

/** The option `--mesh-config FILE`. */
export function meshConfigOption(): Option {
  return new Option('--mesh-config <file>', 'a MeshConfig in YAML, in place of ConfigMap istio of the root namespace');
}

/** The mesh configuration of a file; undefined without one. @throws when the file holds none. */
export async function readMeshConfig(file: string | undefined): Promise<MeshConfig | undefined> {
  if (file === undefined) return undefined;
  const config = parseMeshConfig(await readFile(file, 'utf8'));
  if (!config)
    throw new Error(`${file}: not a MeshConfig: a YAML mapping is wanted, such as 'accessLogFile: /dev/stdout'`);
  return config;
}

/** The option `--mesh-networks FILE`. */
export function meshNetworksOption(): Option {
  return new Option(
    '--mesh-networks <file>',
    'MeshNetworks in YAML, in place of ConfigMap istio of the root namespace',
  );
}

/** The networks of a file; undefined without one. @throws when the file holds none. */
export async function readMeshNetworks(file: string | undefined): Promise<MeshNetworks | undefined> {
  if (file === undefined) return undefined;
  const networks = parseMeshNetworks(await readFile(file, 'utf8'));
  if (!networks) throw new Error(`${file}: no MeshNetworks: a YAML mapping with the key 'networks' is wanted`);
  return networks;
}

const STDIN = '-';

/**
 * The objects of files and folders, and what is wrong with their text; `-` is standard input, behind them.
 * @throws when a path that the user named does not exist.
 */
export async function readObjects(io: Io, paths: readonly string[], options?: ReadOptions): Promise<ReadFiles> {
  const onDisk = paths.filter((path) => path !== STDIN);
  await Promise.all(onDisk.map((path) => access(path)));
  const read = readFiles(onDisk, options);
  if (onDisk.length === paths.length) return read;
  const typed = readText(await io.stdin(), '<stdin>', options);
  return withoutDuplicates({
    objects: [...read.objects, ...typed.objects],
    findings: [...read.findings, ...typed.findings],
  });
}

/** @throws when there is nothing to look at: a check that looked at nothing must not pass. */
export function checkNotEmpty({ objects, findings }: ReadFiles, paths: readonly string[]): void {
  if (objects.length > 0 || findings.length > 0) return;
  throw new Error(
    `${paths.join(', ')}: nothing to check: no Kubernetes object is there; name files or folders of YAML or JSON`,
  );
}

/** The option `--pod-range CIDR`. */
export function podRangeOption(): Option {
  return rangeOption('--pod-range <cidr>', 'Pods', DEFAULT_RANGES.pods);
}

/** The option `--service-range CIDR`. */
export function serviceRangeOption(): Option {
  return rangeOption('--service-range <cidr>', 'Services', DEFAULT_RANGES.services);
}

function rangeOption(flags: string, what: string, range: string): Option {
  return new Option(flags, `where addresses of ${what} come from that have none`).argParser(parseRange).default(range);
}

/** Reads `10.0.0.0/16`. */
function parseRange(text: string): string {
  if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(text))
    throw new InvalidArgumentError('an IPv4 range is wanted, such as 198.18.0.0/16');
  return text;
}
