/** An identity in files, as a kubelet keeps it: taken up when it is renewed, kept when half of it is there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { developmentCertificate } from '../../lib/citadel/development-certificate';
import { MountedIdentity } from '../../lib/citadel/mounted-identity';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'malha-mounted-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function write(parts: { key?: string } = {}) {
  const made = await developmentCertificate(['a.example.com']);
  writeFileSync(join(folder, 'credential-bundle.pem'), (parts.key ?? made.keyPem) + made.certPem);
  writeFileSync(join(folder, 'trust-bundle.pem'), made.caPem);
  return made;
}

test('it is read, and read again when it is renewed; half of a new one leaves the last one in force', async () => {
  const first = await write();
  const renewals: number[] = [];
  const troubles: string[] = [];
  const mounted = new MountedIdentity(
    folder,
    () => renewals.push(1),
    ({ message }) => troubles.push(message),
    5,
  );
  try {
    expect(mounted.identity()).toEqual({ keyPem: first.keyPem, chainPem: first.certPem, roots: [first.caPem] });

    await write({ key: first.keyPem });
    await sleep(50);
    expect(mounted.identity().chainPem).toBe(first.certPem);
    expect(renewals).toEqual([]);
    expect(troubles[0]).toMatch(/the private key of .* is not that of its certificate/);

    const second = await write();
    while (renewals.length === 0) await sleep(5);
    expect(mounted.identity()).toEqual({ keyPem: second.keyPem, chainPem: second.certPem, roots: [second.caPem] });
    expect(renewals).toHaveLength(1);
  } finally {
    mounted.close();
  }
});

test('without its files nobody starts', async () => {
  const none = () => undefined;
  expect(() => new MountedIdentity(folder, none, none)).toThrow('no such file');
  const { certPem } = await write();
  writeFileSync(join(folder, 'credential-bundle.pem'), certPem);
  expect(() => new MountedIdentity(folder, none, none)).toThrow('does not hold a private key and its chain');
});
