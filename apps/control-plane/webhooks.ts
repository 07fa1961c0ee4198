/** The webhooks of the control plane: sidecars for Pods, Galley's judgement of objects, by Citadel's certificate. Wiring only. */

import { AdmissionServer, injectionVerdict, validationVerdict } from '../../lib/admission';
import { controlPlaneHost } from '../../lib/api/revisions';
import type { InjectOptions } from '../../lib/injector';
import { bootstrapPatchesOf, settingsOf, type World } from '../../lib/world';
import { capturesDns } from '../../lib/world/virtual-addresses';
import type { Logger } from '../../lib/xds/source';
import { parseAddress } from './address';
import type { Citadel } from './citadel';
import type { Metrics } from './metrics';

export interface WebhooksOptions {
  /** `HOST:PORT`; port 0 takes any. */
  readonly address: string;
  /** What every sidecar is made from. Default for its control plane: this one, by TLS. */
  readonly injection: Omit<InjectOptions, 'workload'>;
}

export interface Webhooks {
  readonly port: number;
  close(): Promise<void>;
}

export async function serveWebhooks(
  { address, injection }: WebhooksOptions,
  {
    citadel,
    namespace,
    revision,
    world,
    metrics,
    log,
  }: {
    citadel: Citadel;
    namespace: string;
    revision?: string;
    world: () => World | undefined;
    metrics: Pick<Metrics, 'countInjection'>;
    log: Logger;
  },
): Promise<Webhooks> {
  const certificate = () => {
    const { chainPem, keyPem } = citadel.identity();
    return { cert: chainPem, key: keyPem };
  };
  const { host, port } = parseAddress(address);
  const server = await AdmissionServer.listen({
    host,
    port,
    certificate: certificate(),
    verdicts: {
      '/inject'(review) {
        const current = world();
        const captureDns = injection.captureDns ?? capturesDns(current?.meshConfig() ?? {});
        const verdict = injectionVerdict(review, {
          injection: {
            controlPlane: `${controlPlaneHost(namespace, revision)}:15012`,
            ...injection,
            captureDns,
            ...(current && {
              settingsFor: (pod) => settingsOf(current, pod),
              bootstrapPatchesFor: (proxy) => bootstrapPatchesOf(current, proxy),
            }),
          },
          systemNamespace: namespace,
        });
        if (!verdict.allowed || verdict.patch) metrics.countInjection(verdict.allowed);
        return verdict;
      },
      '/validate': validationVerdict,
    },
    onError: (error) => log.error({ error: error.message }, 'webhook error'),
  });
  const forget = citadel.onIdentity(() => server.renew(certificate()));
  return {
    port: server.port,
    async close() {
      forget();
      await server.close();
    },
  };
}
