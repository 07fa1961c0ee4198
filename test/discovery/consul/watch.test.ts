/** What Consul says becomes objects, and what was healthy survives whatever it says. */
import fc from 'fast-check';
import type { ServiceEntrySpec } from '../../../lib/api/networking/service-entry';
import type { KubeObject } from '../../../lib/api/object';
import { ConsulWatch, type ConsulWatchOptions } from '../../../lib/discovery/consul';
import { validate } from '../../../lib/galley';
import { FakeClock } from '../fake-api';
import { FakeConsul, type FakeInstance } from './fake-consul';

const MINUTE = 60_000;

function instance(id: string, more: Partial<FakeInstance> = {}): FakeInstance {
  return { service: 'web', id, address: `198.18.1.${id}`, ...more };
}

function given(instances: readonly FakeInstance[], options: Partial<ConsulWatchOptions> = {}) {
  const clock = new FakeClock();
  const consul = new FakeConsul(clock);
  consul.set(instances);
  const told: (readonly KubeObject[])[] = [];
  const troubles: string[] = [];
  const watch = new ConsulWatch({
    consul,
    clock,
    random: () => 0.5,
    onChange: (objects) => told.push(objects),
    onTrouble: (query, trouble) => troubles.push(`${query}: ${trouble ?? 'well'}`),
    ...options,
  });
  const specs = () => (told.at(-1) ?? []).map(({ spec }) => spec as ServiceEntrySpec);
  const addresses = () =>
    specs()
      .flatMap(({ endpoints = [] }) => endpoints.map(({ address }) => address!))
      .sort();
  return { clock, consul, told, troubles, watch, specs, addresses };
}

describe('Services of Consul', () => {
  it('become ServiceEntries that Galley finds nothing wrong with', async () => {
    const mesh = given([
      instance('1', {
        meta: { version: 'v1', protocol: 'http' },
        tags: ['primary', 'zone=a'],
        weights: { Passing: 5, Warning: 1 },
      }),
      instance('2', {
        status: 'warning',
        port: 9090,
        meta: { protocol: 'http', 'malha-port': '80' },
        weights: { Passing: 5, Warning: 2 },
      }),
      instance('3', { status: 'critical' }),
      instance('4', { status: 'maintenance' }),
      instance('5', { kind: 'connect-proxy' }),
    ]);
    await mesh.clock.advance(10);
    mesh.watch.close();
    expect(mesh.told.at(-1)!.flatMap((object) => validate(object))).toEqual([]);
    expect(mesh.told.at(-1)![0]!.metadata).toMatchObject({ name: 'web-service-consul', namespace: 'consul' });
    expect(mesh.specs()).toEqual([
      {
        hosts: ['web.service.consul'],
        location: 'MESH_EXTERNAL',
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'consul', protocol: 'HTTP' }],
        endpoints: [
          {
            address: '198.18.1.1',
            ports: { consul: 8080 },
            weight: 5,
            labels: { protocol: 'http', 'tag.consul.malha.dev/primary': 'true', version: 'v1', zone: 'a' },
            locality: 'dc1',
          },
          {
            address: '198.18.1.2',
            ports: { consul: 9090 },
            weight: 2,
            labels: { 'malha-port': '80', protocol: 'http' },
            locality: 'dc1',
          },
        ],
      },
    ]);
  });

  it('of plain TCP take only traffic to the addresses that Consul answers with', async () => {
    const mesh = given([instance('2'), instance('1'), instance('3', { address: '198.18.1.1', port: 8081 })]);
    await mesh.clock.advance(10);
    mesh.watch.close();
    expect(mesh.specs()[0]!.addresses).toEqual(['198.18.1.1', '198.18.1.2']);
    expect(mesh.told.at(-1)!.flatMap((object) => validate(object))).toEqual([]);
  });

  it('may not lead to loopback or metadata addresses, nor claim labels of the mesh', async () => {
    const mesh = given([
      instance('1', { address: '127.0.0.1' }),
      instance('2', { address: '169.254.169.254' }),
      instance('3', { address: '::ffff:127.0.0.1' }),
      instance('4', { tags: ['security.istio.io/tlsMode=istio', 'ok=yes'] }),
    ]);
    await mesh.clock.advance(10);
    mesh.watch.close();
    expect(mesh.addresses()).toEqual(['198.18.1.4']);
    expect(mesh.specs()[0]!.endpoints![0]!.labels).toEqual({ ok: 'yes' });
    expect(mesh.troubles).toEqual([expect.stringContaining('3 instances are left out')]);
  });

  it('are told only when each has been heard once, and again after every change', async () => {
    const mesh = given([instance('1')]);
    mesh.consul.failure = new Error('refused');
    await mesh.clock.advance(1000);
    expect(mesh.told).toEqual([]);
    mesh.consul.failure = undefined;
    await mesh.clock.advance(10_000);
    expect(mesh.addresses()).toEqual(['198.18.1.1']);
    mesh.consul.set([instance('1'), instance('2'), instance('9', { service: 'db' })]);
    await mesh.clock.advance(1000);
    mesh.watch.close();
    expect(mesh.specs().map(({ hosts }) => hosts[0])).toEqual(['db.service.consul', 'web.service.consul']);
    expect(mesh.addresses()).toEqual(['198.18.1.1', '198.18.1.2', '198.18.1.9']);
  });

  it('are called after their datacenter where datacenters are named', async () => {
    const mesh = given([instance('1')], { datacenters: ['dc1', 'dc2'] });
    await mesh.clock.advance(10);
    mesh.watch.close();
    expect(mesh.specs().map(({ hosts }) => hosts[0])).toEqual(['web.service.dc1.consul', 'web.service.dc2.consul']);
  });
});

describe('What was healthy', () => {
  const three = [instance('1'), instance('2'), instance('3')];
  const all = ['198.18.1.1', '198.18.1.2', '198.18.1.3'];

  it('goes at once when it is a minority, replaced, or put into maintenance', async () => {
    const mesh = given(three);
    await mesh.clock.advance(10);
    mesh.consul.set(three.slice(1));
    await mesh.clock.advance(500);
    expect(mesh.addresses()).toEqual(all.slice(1));
    mesh.consul.set([instance('7'), instance('8')]);
    await mesh.clock.advance(500);
    expect(mesh.addresses()).toEqual(['198.18.1.7', '198.18.1.8']);
    mesh.consul.set([instance('7', { status: 'maintenance' }), instance('8', { status: 'maintenance' })]);
    await mesh.clock.advance(500);
    mesh.watch.close();
    expect(mesh.addresses()).toEqual([]);
    expect(mesh.specs()[0]!.ports).toHaveLength(1);
  });

  it.each<[string, (consul: FakeConsul) => void]>([
    ['a registry that comes back empty', (consul) => consul.set([])],
    ['an index that goes back to a world with less', (consul) => consul.set(three.slice(2), 2n)],
    ['an index of 0', (consul) => consul.set(three.slice(2), 0n)],
    [
      'instances that all turn critical together',
      (consul) => consul.set(three.map((each) => ({ ...each, status: 'critical' }))),
    ],
  ])('is held for a minute through %s, and goes when that has stood', async (_, happen) => {
    const mesh = given(three);
    await mesh.clock.advance(10);
    happen(mesh.consul);
    await mesh.clock.advance(MINUTE - 5000);
    expect(mesh.addresses()).toEqual(all);
    expect(mesh.watch.status().reduce((sum, { held }) => sum + held, 0)).toBeGreaterThan(0);
    expect(mesh.troubles.join()).toContain('stay in force');
    await mesh.clock.advance(MINUTE);
    mesh.watch.close();
    expect(mesh.addresses().length).toBeLessThan(3);
  });

  it.each<[string, (consul: FakeConsul) => void]>([
    ['there is no leader', (consul) => Object.assign(consul, { hasLeader: false })],
    ['the token has lost rights', (consul) => Object.assign(consul, { isFiltered: true })],
  ])('is held for as long as %s', async (_, happen) => {
    const mesh = given(three);
    await mesh.clock.advance(10);
    happen(mesh.consul);
    mesh.consul.set([]);
    await mesh.clock.advance(10 * MINUTE);
    mesh.watch.close();
    expect(mesh.addresses()).toEqual(all);
  });

  it('stays while Consul fails, however long', async () => {
    const mesh = given(three);
    await mesh.clock.advance(10);
    mesh.consul.failure = new Error('GET /v1/catalog/services got 500');
    mesh.consul.wake();
    await mesh.clock.advance(60 * MINUTE);
    expect(mesh.addresses()).toEqual(all);
    // Two queries, each at most every 15 s in the end.
    expect(mesh.consul.requests.length).toBeLessThan(700);
    mesh.consul.failure = undefined;
    mesh.consul.set([...three, instance('4')]);
    await mesh.clock.advance(MINUTE);
    mesh.watch.close();
    expect(mesh.addresses()).toEqual([...all, '198.18.1.4']);
  });

  it('is the last healthy truth in the end, and something of it at every moment before, whatever Consul answers', async () => {
    const set = fc.subarray(['1', '2', '3', '4', '5', '6']);
    const step = fc.oneof(
      fc.record({ set, reset: fc.boolean() }),
      fc.record({ fails: fc.boolean() }),
      fc.record({ leader: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.integer({ min: 1, max: 30_000 })), { maxLength: 12 }),
        set,
        async (steps, last) => {
          const mesh = given(['1', '2', '3', '4'].map((id) => instance(id)));
          await mesh.clock.advance(10);
          let passed = 0;
          for (const [{ set: ids, reset, fails, leader }, milliseconds] of steps as [
            Partial<Record<string, unknown>>,
            number,
          ][]) {
            if (ids)
              mesh.consul.set(
                (ids as string[]).map((id) => instance(id)),
                reset ? 1n : undefined,
              );
            if (fails !== undefined) mesh.consul.failure = fails ? new Error('500') : undefined;
            if (leader !== undefined) mesh.consul.hasLeader = leader === true;
            mesh.consul.wake();
            await mesh.clock.advance(milliseconds);
            passed += milliseconds;
            // What comes within a minute can replace instances, one by one or all, but not leave the service without any.
            if (passed < MINUTE) expect(mesh.addresses().length).toBeGreaterThan(0);
          }
          mesh.consul.failure = undefined;
          mesh.consul.hasLeader = true;
          mesh.consul.set(
            last.map((id) => instance(id)),
            mesh.consul.index + 100n,
          );
          await mesh.clock.advance(3 * MINUTE);
          mesh.watch.close();
          expect(mesh.addresses()).toEqual(last.map((id) => `198.18.1.${id}`));
        },
      ),
      { numRuns: 60 },
    );
  });
});
