/** THREATS 29: whoever gets a heap snapshot, as of a support bundle, does not get the authority. Needs `npm run build`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIST = join(__dirname, '../../dist/lib/citadel');

test('a heap snapshot of a process that signs holds no key of the authority', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-heap-'));
  try {
    const program = `
      const { CitadelAuthority } = require(${JSON.stringify(join(DIST, 'citadel-authority'))});
      const { fileStorage } = require(${JSON.stringify(join(DIST, 'file-storage'))});
      const { makeKeyPair } = require(${JSON.stringify(join(DIST, 'key-pair'))});
      (async () => {
        const storage = fileStorage(${JSON.stringify(join(folder, 'ca'))});
        globalThis.authority = await CitadelAuthority.open({ storage, trustDomain: 'cluster.local' });
        const { csr } = await makeKeyPair();
        const identity = { trustDomain: 'cluster.local', namespace: 'a', serviceAccount: 'b' };
        globalThis.signed = await authority.sign({ identity, csr, lifetimeSeconds: 60 });
        await authority.rotate();
        await new Promise((resolve) => setTimeout(resolve, 50));
        require('node:v8').writeHeapSnapshot(${JSON.stringify(join(folder, 'snapshot'))});
      })();`;
    execFileSync(process.execPath, ['-e', program]);
    const snapshot = readFileSync(join(folder, 'snapshot'), 'latin1');
    const data = join(folder, 'ca', '..data');
    const lineOf = (name: string) => readFileSync(join(data, name), 'utf8').split('\n')[1]!;
    const names = readdirSync(data);
    const keys = names.filter((name) => name.endsWith('key.pem')).map(lineOf);
    const root = lineOf(names.find((name) => name.endsWith('root-cert.pem'))!);
    expect(keys).toHaveLength(2);
    // The snapshot shows what the process holds: the root's certificate is there.
    expect(snapshot).toContain(root);
    expect(keys.filter((key) => snapshot.includes(key))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
