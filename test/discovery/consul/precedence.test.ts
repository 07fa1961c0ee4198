/** Consul beside another registry. */

import type { KubeObject } from '../../../lib/api/object';
import { unite } from '../../../lib/discovery/consul';

function entry(namespace: string, host: string): KubeObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'web', namespace },
    spec: { hosts: [host] },
  };
}

describe('A host of two registries', () => {
  it('belongs to the ServiceEntry that somebody wrote, and that is reported', () => {
    const [written, consuls, other] = [
      entry('shop', 'Web.service.consul'),
      entry('consul', 'web.service.consul'),
      entry('consul', 'db.service.consul'),
    ];
    const { objects, findings } = unite([written], [consuls, other]);
    expect(objects).toEqual([written, other]);
    expect(findings).toMatchObject([
      {
        code: 'MAL0050',
        level: 'warning',
        resource: 'ServiceEntry consul/web',
        message: expect.stringContaining('shop/web'),
      },
    ]);
  });

  it('is nothing to report where hosts differ or are unreadable', () => {
    const broken = { ...entry('shop', 'x'), spec: null as unknown as object };
    const ofConsul = entry('consul', 'web.service.consul');
    expect(unite([broken, entry('shop', 'web.shop.svc')], [ofConsul])).toMatchObject({
      findings: [],
      objects: { length: 3 },
    });
  });
});
