/** What a core signs: the request decoded and checked, the certificate made, the response encoded. */
import { setTimeout as sleep } from 'node:timers/promises';
import { certificateService } from '../../../lib/citadel/certificate-service';
import { CitadelAuthority } from '../../../lib/citadel/citadel-authority';
import { memoryStorage } from '../../../lib/citadel/memory-storage';
import { Registration } from '../../../lib/citadel/registration';
import { decode, encode } from '../../../lib/envoy/message';
import { ecKeys, inPem, names, request, uri } from '../../citadel/requests';
import { measured, type Part, percentile } from '../measurement';

const TRUST_DOMAIN = 'cluster.local';
const identity = { trustDomain: TRUST_DOMAIN, namespace: 'shop', serviceAccount: 'web' };
const BATCH = 6_000;
const RATE = 200;
const SECONDS = 10;

export const sign: Part = {
  name: 'sign',
  about: 'certificates signed per second and core, and how long one takes at 200 a second',
  async run(say) {
    const authority = await CitadelAuthority.open({ storage: memoryStorage(), trustDomain: TRUST_DOMAIN });
    const { implementation } = certificateService({
      registration: new Registration(authority),
      callerOf: async () => ({ identity, kind: 'token', expiresAt: new Date(8.64e15) }),
      log: { warn: (fields) => say(JSON.stringify(fields)) },
    });
    say('making requests');
    const id = `spiffe://${TRUST_DOMAIN}/ns/shop/sa/web`;
    const messages = Array.from({ length: 500 }, () => {
      const csr = inPem(request([names(uri(id))], { keys: ecKeys() }));
      return Buffer.from(encode('istio.v1.auth.IstioCertificateRequest', { csr }));
    });
    const signOne = (at: number) =>
      new Promise<Buffer>((resolve, reject) => {
        const call = { request: messages[at % messages.length], getPeer: () => 'bench' };
        implementation.CreateCertificate(call as never, (error, response) =>
          response ? resolve(response) : reject(error),
        );
      });
    const { cert_chain: chain = [] } = decode('istio.v1.auth.IstioCertificateResponse', await signOne(0));
    if (chain.length !== 3) throw new Error(`a chain of ${chain.length} certificates was returned instead of 3`);
    for (let at = 0; at < 1_000; at++) await signOne(at);

    say('as fast as it goes');
    const before = process.cpuUsage();
    for (let at = 0; at < BATCH; at++) await signOne(at);
    const { user, system } = process.cpuUsage(before);

    say(`${RATE} a second`);
    const latencies: number[] = [];
    const start = performance.now();
    for (let at = 0; at < RATE * SECONDS; at++) {
      const due = start + (at * 1000) / RATE;
      const early = due - performance.now();
      if (early > 1) await sleep(early);
      await signOne(at);
      // From when it should have begun, so that a pause of ours counts against us.
      latencies.push(performance.now() - Math.min(due, performance.now()));
    }
    return [
      measured('sign', 'CPU of one certificate', (user + system) / BATCH / 1000, 'ms', 0.5),
      measured('sign', 'certificates per second and core', BATCH / ((user + system) / 1e6), '1/s'),
      measured('sign', `p99 at ${RATE} a second`, percentile(latencies, 0.99), 'ms', 10),
    ];
  },
};
