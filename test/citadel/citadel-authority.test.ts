import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { makeAuthorityCertificate } from '../../lib/citadel/authority-certificate';
import { CitadelAuthority, type CitadelAuthorityOptions } from '../../lib/citadel/citadel-authority';
import { checkCsr } from '../../lib/citadel/csr';
import { blocks } from '../../lib/citadel/der';
import { fileStorage } from '../../lib/citadel/file-storage';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import { verifyPeer } from '../../lib/citadel/peer-certificate';
import { isOverdue } from '../../lib/citadel/renewal';
import { LocalKey } from '../../lib/citadel/signing-key';
import type { Kept, Storage } from '../../lib/citadel/storage';
import { request } from './requests';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-03-01T12:00:00Z');
const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
const csr = checkCsr(request());

let now: number;
beforeEach(() => {
  now = START;
});
const clock = () => new Date(now);
const open = (options: Partial<CitadelAuthorityOptions> = {}) =>
  CitadelAuthority.open({ storage: memoryStorage(), trustDomain: 'cluster.local', clock, ...options });
const leafOf = (authority: CitadelAuthority, lifetimeSeconds = 86_400) =>
  authority.sign({ identity, csr, lifetimeSeconds });
const verify = (chain: readonly string[], bundle: readonly string[]) =>
  verifyPeer(blocks('CERTIFICATE', chain.join('')), {
    roots: bundle.map((root) => new X509Certificate(root)),
    trustDomain: 'cluster.local',
    now: clock(),
  });

describe('the authority', () => {
  test('makes a root on first start, and is the same after the next', async () => {
    const storage = memoryStorage();
    const first = await open({ storage });
    const second = await open({ storage });
    expect(second.trustBundle()).toEqual(first.trustBundle());
    expect(verify((await leafOf(first)).chain, second.trustBundle()).identity).toEqual(identity);
  });

  test('is one, though two replicas start together', async () => {
    const storage = memoryStorage();
    const [a, b] = await Promise.all([open({ storage }), open({ storage })]);
    expect(a.trustBundle()).toEqual(b.trustBundle());
  });

  test('signs leaves with exactly one URI name, for the key of the request, with its chain', async () => {
    const { chain, notBefore, notAfter } = await leafOf(await open());
    const [leaf, intermediate, ...rest] = chain.map((each) => new X509Certificate(each));
    expect(rest).toEqual([]);
    expect(leaf!.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/web');
    expect(leaf!.publicKey.export({ format: 'der', type: 'spki' })).toEqual(csr.publicKey);
    expect(leaf!.checkIssued(intermediate!)).toBe(true);
    expect([leaf!.ca, intermediate!.ca]).toEqual([false, true]);
    expect([new Date(leaf!.validFrom), new Date(leaf!.validTo)]).toEqual([notBefore, notAfter]);
  });

  test.each([-10, 10])('signs what a machine whose clock is %i minutes off accepts (THREATS 28)', async (minutes) => {
    const authority = await open();
    const { chain } = await leafOf(authority);
    now += minutes * 60_000;
    expect(verify(chain, authority.trustBundle()).identity).toEqual(identity);
  });

  test('signs for no other trust domain (THREATS 29)', async () => {
    const authority = await open();
    const foreign = { ...identity, trustDomain: 'other.example' };
    await expect(authority.sign({ identity: foreign, csr, lifetimeSeconds: 60 })).rejects.toThrow(
      'spiffe://other.example/ns/shop/sa/web is not of trust domain cluster.local',
    );
  });

  test('shows its private key to no log and no inspection (THREATS 29)', async () => {
    const storage = memoryStorage();
    const authority = await open({ storage });
    const keys = Object.entries((await storage.load())!.files).filter(([name]) => name.endsWith('key.pem'));
    expect(keys).toHaveLength(2);
    const shown = inspect({ ...authority, storage: undefined, options: undefined }, { depth: 20, showHidden: true });
    const asJson = JSON.stringify({ ...authority, options: undefined });
    for (const [, keyPem] of keys) {
      const secret = keyPem.split('\n')[1]!;
      expect(shown).not.toContain(secret);
      expect(asJson).not.toContain(secret);
      expect(() => new LocalKey(keyPem.replace('MIG', 'XXX'))).toThrow(
        /^the private key of the authority cannot be read: give one/,
      );
    }
  });
});

describe('the authority over the years', () => {
  const short = { rootSeconds: 40 * 86_400, intermediateSeconds: 10 * 86_400 };

  test('rotates its intermediates and roots so that every leaf is verified by every bundle in use', async () => {
    const storage = memoryStorage();
    const done: string[] = [];
    const leader = await open({ storage, ...short, onTransition: (kind) => done.push(kind) });
    const follower = await open({ storage, ...short, leadership: { isLeader: () => false } });
    const days: { chain: readonly string[]; bundle: readonly string[] }[] = [];
    for (let day = 0; day < 60; day++) {
      await leader.rotate();
      await follower.rotate();
      const signer = day % 2 ? leader : follower;
      days.push({ chain: (await leafOf(signer, 86_000)).chain, bundle: follower.trustBundle() });
      for (const { chain } of days.slice(-2)) for (const { bundle } of days.slice(-2)) verifyAt(chain, bundle, now);
      now += DAY - HOUR;
    }
    const roots = new Set(days.flatMap(({ bundle }) => bundle));
    expect(roots.size).toBeGreaterThanOrEqual(3);
    expect(done.filter((kind) => kind === 'retire').length).toBeGreaterThan(5);
  });

  /** A leaf of yesterday's has ended by a little now; it is tried at its last moment. */
  function verifyAt(chain: readonly string[], bundle: readonly string[], time: number): void {
    const end = Date.parse(new X509Certificate(chain[0]!).validTo);
    const kept = now;
    now = Math.min(time, end);
    expect(verify(chain, bundle).identity).toEqual(identity);
    now = kept;
  }

  test('goes on by itself after an absence in which everything has expired', async () => {
    const storage = memoryStorage();
    await open({ storage, ...short });
    now += 400 * DAY;
    const authority = await open({ storage, ...short });
    expect(verify((await leafOf(authority)).chain, authority.trustBundle()).identity).toEqual(identity);
  });

  test('would alarm a third of a life before the end, when nobody rotates it', async () => {
    const authority = await open({ ...short, leadership: { isLeader: () => false } });
    const overdue = () =>
      authority
        .expiries()
        .filter((expiry) => isOverdue(expiry.notBefore, expiry, clock()))
        .map(({ level }) => level);
    now += 6 * DAY;
    expect(overdue()).toEqual([]);
    now += 1 * DAY;
    expect(overdue()).toEqual(['intermediate']);
    now += 20 * DAY;
    expect(overdue()).toEqual(['root', 'intermediate']);
  });

  test('refuses to begin anew when what it kept is broken', async () => {
    const storage = memoryStorage();
    await open({ storage });
    const { files, version } = (await storage.load())!;
    const key = Object.keys(files).find((name) => name.endsWith('ca-key.pem'))!;
    await storage.save({ ...files, [key]: '' }, version);
    await expect(open({ storage })).rejects.toThrow(`what is kept for the authority lacks ${key}`);
  });
});

describe('a plugged-in authority', () => {
  const plugged = async (name: string) => {
    const options = { now: clock(), lifetimeSeconds: 86_400 * 365 };
    const root = await makeAuthorityCertificate({ ...options, name: `${name} root`, pathLength: 1 });
    const authority = await makeAuthorityCertificate({ ...options, name, parent: root });
    return {
      'ca-cert.pem': authority.certPem,
      'ca-key.pem': authority.keyPem,
      'cert-chain.pem': authority.certPem + root.certPem,
      'root-cert.pem': root.certPem,
    };
  };

  test('signs with its intermediate, and leaves the root out of the chain', async () => {
    const files = await plugged('ours');
    const authority = await open({ storage: memoryStorage(files) });
    const { chain } = await leafOf(authority);
    expect(authority.trustBundle()).toEqual([files['root-cert.pem']]);
    expect(chain).toHaveLength(2);
    expect(verify(chain, [files['root-cert.pem']]).identity).toEqual(identity);
  });

  test('under another root is told to everybody before it signs', async () => {
    const [before, after] = [await plugged('before'), await plugged('after')];
    const storage = memoryStorage(before);
    const authority = await open({ storage });
    await storage.save(after, '1');
    await authority.rotate();
    expect(authority.trustBundle()).toContain(after['root-cert.pem']);
    verify((await leafOf(authority)).chain, [before['root-cert.pem']]);
    now += DAY;
    await authority.rotate();
    verify((await leafOf(authority)).chain, [after['root-cert.pem']]);
    now += DAY + HOUR;
    await authority.rotate();
    expect(authority.trustBundle()).toEqual([after['root-cert.pem']]);
  });

  describe('beside one of our own', () => {
    /** As a cluster has it: an operator's Secret, and ours. */
    const beside = (theirs: () => Kept | undefined): Storage => {
      const own = memoryStorage();
      return {
        save: own.save,
        async load() {
          const plugged = theirs();
          return plugged ? { ...plugged, own: await own.load() } : own.load();
        },
      };
    };

    test('is told to everybody before it signs, also when the control plane is started again in between', async () => {
      const files = await plugged('theirs');
      let theirs: Kept | undefined;
      const storage = beside(() => theirs);
      const first = await open({ storage });
      const [root] = first.trustBundle();
      theirs = { version: 'theirs', files };
      await first.rotate();

      now += DAY - HOUR;
      const second = await open({ storage });
      expect(second.trustBundle()).toEqual([root, files['root-cert.pem']]);
      verify((await leafOf(second)).chain, [root!]);

      now += HOUR;
      await second.rotate();
      verify((await leafOf(second)).chain, [files['root-cert.pem']]);
      now += HOUR;
      const third = await open({ storage });
      verify((await leafOf(third)).chain, [files['root-cert.pem']]);
      expect(third.trustBundle()).toEqual([root, files['root-cert.pem']]);

      now += DAY;
      await third.rotate();
      expect(third.trustBundle()).toEqual([files['root-cert.pem']]);
      expect((await open({ storage })).trustBundle()).toEqual([files['root-cert.pem']]);
    });

    test('is told to everybody, too, when it was made while no control plane ran', async () => {
      let theirs: Kept | undefined;
      const storage = beside(() => theirs);
      const [root] = (await open({ storage })).trustBundle();
      theirs = { version: 'theirs', files: await plugged('theirs') };
      const authority = await open({ storage });
      verify((await leafOf(authority)).chain, [root!]);
      expect(authority.trustBundle()).toEqual([root, theirs.files['root-cert.pem']]);
    });

    test('begins anew when it was taken away and comes back', async () => {
      const kept = { version: 'theirs', files: await plugged('theirs') };
      let theirs: Kept | undefined = kept;
      const storage = beside(() => theirs);
      theirs = undefined;
      const authority = await open({ storage });
      const [root] = authority.trustBundle();
      for (theirs of [kept, undefined, kept]) await authority.rotate();
      now += DAY - HOUR;
      theirs = undefined;
      await authority.rotate();
      theirs = kept;
      now += HOUR;
      const again = await open({ storage });
      verify((await leafOf(again)).chain, [root!]);
    });

    test('that is written anew with the same certificate keeps the root before it in the bundle', async () => {
      const files = await plugged('theirs');
      let theirs: Kept | undefined;
      const authority = await open({ storage: beside(() => theirs) });
      const [root] = authority.trustBundle();
      theirs = { version: 'theirs 1', files };
      await authority.rotate();
      now += DAY;
      await authority.rotate();
      theirs = { version: 'theirs 2', files };
      await authority.rotate();
      expect(authority.trustBundle()).toEqual([root, files['root-cert.pem']]);
    });
  });

  test('that has expired takes no other’s place', async () => {
    const expired = await plugged('expired');
    now += 366 * DAY;
    const ours = await plugged('ours');
    const storage = memoryStorage(ours);
    const authority = await open({ storage });
    await storage.save(expired, '1');
    await expect(authority.rotate()).rejects.toThrow('the plugged-in authority or its root expired on');
    // Nor later, when what was retiring would be gone.
    now += 3 * DAY;
    await expect(authority.rotate()).rejects.toThrow('expired on');
    expect(authority.trustBundle()).toEqual([ours['root-cert.pem']]);
    verify((await leafOf(authority)).chain, [ours['root-cert.pem']]);
  });

  test('is refused when key, certificate and root do not belong together', async () => {
    const [ours, others] = [await plugged('ours'), await plugged('others')];
    await expect(open({ storage: memoryStorage({ ...ours, 'ca-key.pem': others['ca-key.pem'] }) })).rejects.toThrow(
      'the private key is not that of the certificate of CN=ours',
    );
    const wrongRoot = { ...ours, 'root-cert.pem': others['root-cert.pem'] };
    await expect(open({ storage: memoryStorage(wrongRoot) })).rejects.toThrow('no root of root-cert.pem has signed');
  });

  test('that is wrong leaves the one before in force, which rotates as ever once the wrong one is gone', async () => {
    const [ours, others] = [await plugged('ours'), await plugged('others')];
    const own = memoryStorage();
    let wrong: Kept | undefined;
    const storage: Storage = { load: async () => wrong ?? own.load(), save: own.save };
    const authority = await open({ storage });
    const [roots, before] = [authority.trustBundle(), await leafOf(authority)];

    wrong = { version: 'wrong', files: { ...ours, 'ca-key.pem': others['ca-key.pem'] } };
    await expect(authority.rotate()).rejects.toThrow('the private key is not that of the certificate of CN=ours');
    expect(authority.trustBundle()).toEqual(roots);
    expect((await leafOf(authority)).chain[1]).toBe(before.chain[1]);

    wrong = undefined;
    now += 200 * DAY;
    await authority.rotate();
    const after = await leafOf(authority);
    expect(after.chain[1]).not.toBe(before.chain[1]);
    expect(verify(after.chain, roots).identity).toEqual(identity);
  });
});

describe('a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'malha-citadel-')), 'ca');
  });
  afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

  test('keeps an authority in files that nobody else can read (THREATS 29)', async () => {
    const first = await open({ storage: fileStorage(folder) });
    const second = await open({ storage: fileStorage(folder) });
    expect(second.trustBundle()).toEqual(first.trustBundle());
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(join(folder, '..data')).map((name) => join(folder, '..data', name));
    expect(files.filter((file) => statSync(file).mode & 0o077)).toEqual([]);
    expect(files.filter((file) => file.endsWith('key.pem')).length).toBeGreaterThan(0);
  });

  test('whose key others can read is refused', async () => {
    await open({ storage: fileStorage(folder) });
    const key = readdirSync(join(folder, '..data')).find((name) => name.endsWith('ca-key.pem'))!;
    rmSync(join(folder, '..data', key));
    writeFileSync(join(folder, '..data', key), 'x', { mode: 0o644 });
    await expect(open({ storage: fileStorage(folder) })).rejects.toThrow(
      /others may read the private key .* \(mode 0644\): run chmod 600 on it/,
    );
  });

  test('is changed as a whole, and only by whoever knows what is in it', async () => {
    const storage = fileStorage(folder);
    const first = await storage.save({ 'a.pem': '1' }, undefined);
    expect(await storage.save({ 'a.pem': '2' }, undefined)).toBeUndefined();
    const second = await storage.save({ 'b.pem': '3' }, first!.version);
    expect(await storage.load()).toEqual(second);
    expect(readdirSync(folder).filter((name) => name.startsWith('..version-'))).toHaveLength(1);
  });
});
