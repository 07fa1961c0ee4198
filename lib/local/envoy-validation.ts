/** What a real Envoy thinks of a snapshot, by `--mode validate`. */
import { spawn } from 'node:child_process';
import { webcrypto as crypto } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { EnvoyResource, type Snapshot } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { ROOT_SECRET, WORKLOAD_SECRET } from '../world';
import { findEnvoy } from './envoy-binary';
import { staticBootstrap } from './static-bootstrap';

/**
 * Empty when Envoy accepts it, else all that it says.
 * @param path of the binary; default: the one that {@link findEnvoy} finds.
 */
export async function complaintOfEnvoy(snapshot: Snapshot, path?: string): Promise<string> {
  const binary = path ?? (await findEnvoy()).path;
  const folder = mkdtempSync(join(tmpdir(), 'malha-validate-'));
  // A file, because Envoy opens /dev/stdout for access logs, which a socket does not allow.
  const output = openSync(join(folder, 'output'), 'w');
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(staticBootstrap(await withRealCertificates(snapshot))));
    const args = ['--mode', 'validate', '--log-level', 'error', '-c', file];
    const envoy = spawn(binary, args, { stdio: ['ignore', output, output], timeout: PATIENCE_MILLISECONDS });
    const [code, signal] = (await once(envoy, 'exit')) as [number | null, NodeJS.Signals | null];
    // One that crashes says nothing, and has accepted nothing.
    return code === 0 ? '' : readFileSync(join(folder, 'output'), 'utf8') || `Envoy ended with ${signal ?? code}`;
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true });
  }
}

const PATIENCE_MILLISECONDS = 120_000;

/** Whether a secret holds certificates, and not the words that goldens have in their place. */
function isReal({ message }: EnvoyResource): boolean {
  return JSON.stringify(message).includes(Buffer.from('-----BEGIN').toString('base64').slice(0, 12));
}

/** The Secrets of the cases hold words, or are missing; without a control plane to wait for, Envoy wants them all. */
export async function withRealCertificates(snapshot: Snapshot): Promise<Snapshot> {
  const [listeners, clusters] = [snapshot.listeners, snapshot.clusters].map((resources) =>
    JSON.stringify(resources.map(({ message }) => message)),
  ) as [string, string];
  const ofMesh = [WORKLOAD_SECRET, ROOT_SECRET].filter((name) =>
    (listeners + clusters).includes(`"name":"${name}","sds_config"`),
  );
  const names = new Set([...(listeners.match(/kubernetes:[^"]+/g) ?? []), ...ofMesh]);
  if (names.size === 0) return snapshot;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    { name: 'CN=shop.example.com', keys, signingAlgorithm: algorithm, notAfter: new Date('2099-01-01') },
    crypto as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1],
  );
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const tls_certificate = {
    certificate_chain: { inline_string: certificate.toString('pem') },
    private_key: { inline_string: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` },
  };
  const validation_context = { trusted_ca: { inline_string: certificate.toString('pem') } };
  const madeUp = (name: string) =>
    new EnvoyResource(TypeUrl.secret, name, {
      name,
      ...(name.endsWith('-cacert') || name === ROOT_SECRET ? { validation_context } : { tls_certificate }),
    });
  const given = new Map(snapshot.secrets.filter(isReal).map((secret) => [secret.name, secret]));
  return { ...snapshot, secrets: [...names].map((name) => given.get(name) ?? madeUp(name)) };
}
