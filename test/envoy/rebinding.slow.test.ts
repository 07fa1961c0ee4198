/**
 * An Envoy that is told to listen at an address which a listener without a socket had before ends with a segmentation
 * fault, as it takes that one's sockets over (1.40). Here the two take turns.
 */
import { BehaviourMesh } from './behaviours/mesh';
import { captures } from './captures';

const sidecar = (spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'turns', namespace: 'shop' },
  spec,
});
const port = (number: number) => ({ number, protocol: 'TCP', name: 'tcp' });

/** A port of which the connections come by redirection, and the same one as a port of its own. */
const captured = sidecar({ egress: [{ port: port(9999), hosts: ['*/*'] }] });
const bound = sidecar({ ingress: [{ port: port(9999), bind: '0.0.0.0', captureMode: 'NONE' }] });

test('a port may turn from captured to bound and back as often as one likes', async () => {
  const mesh = await BehaviourMesh.start(captures[0]!, { only: ['client'] });
  try {
    for (const given of Array.from({ length: 40 }, (_, turn) => (turn % 2 === 0 ? captured : bound))) {
      // Also throws when an Envoy has ended.
      expect((await mesh.give([given])).filter(({ level }) => level === 'error')).toEqual([]);
    }
  } finally {
    await mesh.stop();
  }
}, 120_000);
