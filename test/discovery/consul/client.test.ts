/** Consul's HTTP API as a client of it meets it. */
import { Authority } from '../../../lib/citadel/authority';
import { ConsulClient, ConsulWatch } from '../../../lib/discovery/consul';
import { systemClock } from '../../../lib/discovery/kubernetes/watch';
import { FakeConsul } from './fake-consul';

const CATALOG = '/v1/catalog/services';
let consul: FakeConsul;

beforeEach(() => {
  consul = new FakeConsul(systemClock);
  consul.set([{ service: 'web', id: '1', address: '198.18.1.1' }]);
});
afterEach(async () => {
  consul.wake();
  await consul.close();
});

describe('A client of Consul', () => {
  it('waits for a change, and gets it with its index', async () => {
    const client = new ConsulClient({ address: await consul.listen() });
    const first = await client.get(CATALOG, { waitSeconds: 0 });
    const next = client.get(CATALOG, { index: String(first.index), waitSeconds: 60 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    consul.set([{ service: 'db', id: '2' }]);
    expect(await next).toMatchObject({ index: first.index + 1n, body: { db: [] }, hasLeader: true, isFiltered: false });
  });

  it('shows its token to Consul, and to nobody else', async () => {
    consul.token = 'secret-token';
    const address = await consul.listen();
    const client = new ConsulClient({ address, token: 'secret-token' });
    expect((await client.get(CATALOG, { waitSeconds: 0 })).body).toHaveProperty('web');
    const other = new ConsulClient({ address, token: 'another-token' });
    const error: Error = await other.get(CATALOG, { waitSeconds: 0 }).then(fail, (refused) => refused);
    expect(error.message).toMatch(/got 403: give a token/);
    expect(String(error.stack)).not.toContain('another-token');
  });

  it('trusts the authorities that it was given, and no others', async () => {
    const authority = await Authority.selfSigned({ name: 'consul', clock: () => new Date() });
    const { certPem: cert, keyPem: key } = await authority.issue({ hosts: ['localhost'] });
    const address = (await consul.listen({ cert, key })).replace('127.0.0.1', 'localhost');
    const trusting = new ConsulClient({ address, ca: authority.certPem });
    expect((await trusting.get(CATALOG, { waitSeconds: 0 })).index).toBe(consul.index);
    await expect(new ConsulClient({ address }).get(CATALOG, { waitSeconds: 0 })).rejects.toThrow(/cannot be asked/);
  });

  it.each([
    'localhost:8500',
    'ftp://consul',
    'http://user:secret@consul',
    'http://consul/path',
    'http://consul?token=secret',
  ])('refuses the address %s without repeating it', (address) => {
    const make = () => new ConsulClient({ address });
    expect(make).toThrow(/no URL of a server/);
    expect(make).not.toThrow(/secret/);
  });

  it('feeds a watch that lives through a Consul that fails and comes back', async () => {
    const hosts: string[][] = [];
    const onChange: ConstructorParameters<typeof ConsulWatch>[0]['onChange'] = (objects) =>
      hosts.push(objects.map(({ metadata }) => metadata.name));
    const watch = new ConsulWatch({ consul: new ConsulClient({ address: await consul.listen() }), onChange });
    await watch.whole;
    consul.httpStatus = 500;
    consul.wake();
    await new Promise((resolve) => setTimeout(resolve, 50));
    consul.httpStatus = undefined;
    consul.set([...consul.instances, { service: 'db', id: '2', address: '198.18.1.2' }]);
    await until(() => hosts.at(-1)!.length === 2);
    watch.close();
    expect(hosts.at(-1)).toEqual(['db-service-consul', 'web-service-consul']);
    expect(hosts.every((each) => each.includes('web-service-consul'))).toBe(true);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function fail(): never {
  throw new Error('it was not refused');
}
