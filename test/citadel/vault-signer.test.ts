import { X509Certificate } from 'node:crypto';
import { checkCsr } from '../../lib/citadel/csr';
import { Registration } from '../../lib/citadel/registration';
import { ServingCertificate } from '../../lib/citadel/serving-certificate';
import { SignerError } from '../../lib/citadel/signer';
import { VaultSigner, type VaultSignerOptions } from '../../lib/citadel/vault-signer';
import { FakeVault, TOKEN } from './fake-vault';
import { ecKeys, inPem, request } from './requests';

const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
const csr = checkCsr(request());

let vault: FakeVault;
let address: string;
beforeAll(async () => {
  vault = new FakeVault();
  address = await vault.start();
});
afterAll(() => vault.stop());
beforeEach(() => {
  vault.requests.length = 0;
  vault.isSealed = false;
  vault.isSilent = false;
  vault.tamper = (body) => body;
});

const open = (options: Partial<VaultSignerOptions> = {}) =>
  VaultSigner.open({
    address,
    mount: 'mesh/pki',
    role: 'workload',
    token: () => TOKEN,
    caPem: vault.caPem,
    trustDomain: 'cluster.local',
    timeoutMilliseconds: 500,
    ...options,
  });
const failure = async (signer: VaultSigner) =>
  signer.sign({ identity, csr, lifetimeSeconds: 3_600 }).then(
    () => 'signed',
    (error: Error) => `${error instanceof SignerError}: ${error.message}`,
  );

describe('Vault', () => {
  test('signs for a workload, asked as its documentation says', async () => {
    const signer = await open({ namespace: 'team' });
    const { chain, notAfter } = await signer.sign({ identity, csr, lifetimeSeconds: 3_600 });
    const asked = vault.requests.at(-1)!;
    expect(asked.path).toBe('POST /v1/mesh/pki/sign/workload');
    expect(asked.headers).toMatchObject({ 'x-vault-token': TOKEN, 'x-vault-namespace': 'team' });
    expect(asked.body).toEqual({
      csr: expect.stringContaining('BEGIN CERTIFICATE REQUEST'),
      uri_sans: 'spiffe://cluster.local/ns/shop/sa/web',
      ttl: '3600s',
      not_before_duration: '600s',
      exclude_cn_from_sans: true,
      format: 'pem',
    });
    const [leaf, intermediate, ...rest] = chain.map((each) => new X509Certificate(each));
    expect(rest).toEqual([]);
    expect(leaf!.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/web');
    expect(leaf!.checkIssued(intermediate!)).toBe(true);
    expect(new Date(leaf!.validTo)).toEqual(notAfter);
    expect(signer.trustBundle()).toEqual([vault.root.certPem]);
    expect(signer.expiries().map(({ level }) => level)).toEqual(['root', 'intermediate']);
  });

  test('stands behind the same checks as our own authority, and signs for the control plane too', async () => {
    const signer = await open();
    const registration = new Registration(signer);
    const { chain } = await registration.certify(identity, inPem(request()));
    expect(new X509Certificate(chain[0]!).ca).toBe(false);
    const own = { trustDomain: 'cluster.local', namespace: 'malha-system', serviceAccount: 'malha-control-plane' };
    const serving = await ServingCertificate.make({ signer, identity: own, hosts: ['cp.example'] });
    expect(new X509Certificate(serving.chainPem).subjectAltName).toContain('DNS:cp.example');
  });

  test.each<[string, (body: { uri_sans?: string; csr: string }) => object, string]>([
    [
      'another identity',
      (body) => ({ ...body, uri_sans: 'spiffe://cluster.local/ns/shop/sa/admin' }),
      'its names are URI:spiffe://cluster.local/ns/shop/sa/admin',
    ],
    ['another key', (body) => ({ ...body, csr: inPem(request([], { keys: ecKeys() })) }), 'it has another key'],
    ['a longer life', (body) => ({ ...body, ttl: '999999s' }), 'it lives longer'],
    [
      'a host beside the identity',
      (body) => ({ ...body, alt_names: 'evil.example' }),
      'its names are URI:spiffe://cluster.local/ns/shop/sa/web, DNS:evil.example',
    ],
  ])('is not believed when it signs %s', async (_, tamper, problem) => {
    const signer = await open();
    vault.tamper = (body) => tamper(body) as typeof body;
    expect(await failure(signer)).toContain(`true: Vault signed another certificate than was asked for: ${problem}`);
  });

  test('says what is wrong in its own words, and never shows the token', async () => {
    expect(await failure(await open({ role: 'other' }))).toBe(
      'true: Vault answers 400 to POST /v1/mesh/pki/sign/other: unknown role: other',
    );
    const refused = await failure(await open({ token: () => 'hvs.wrong-secret' }));
    expect(refused).toBe('true: Vault answers 403 to POST /v1/mesh/pki/sign/workload: permission denied');
    const signer = await open();
    vault.isSealed = true;
    expect(await failure(signer)).toBe('true: Vault answers 503 to POST /v1/mesh/pki/sign/workload: Vault is sealed');
    vault.isSealed = false;
    vault.isSilent = true;
    expect(await failure(signer)).toMatch(/^true: Vault at 127\.0\.0\.1:\d+ cannot be asked: no answer in time$/);
  });

  test('is not asked without TLS, nor where it is somebody else', async () => {
    await expect(open({ address: 'http://127.0.0.1:1' })).rejects.toThrow('is not https: its token would be read');
    await expect(open({ caPem: vault.root.certPem })).rejects.toThrow(/cannot be asked/);
    await expect(open({ mount: '../sys' })).rejects.toThrow("'../sys' is no path in Vault");
    await expect(open({ mount: 'a b' })).rejects.toThrow("'a b' is no path in Vault");
  });
});
