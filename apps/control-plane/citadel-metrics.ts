/** Citadel's metrics, in the registry of the control plane's. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CitadelExpiry, CitadelObserver } from './citadel';
import { METRICS } from './metric-names';

/** Counts from the start; `watch` adds what is read when it is asked for. */
export function citadelMetrics(registry: Registry): CitadelObserver & { watch(expiries: () => CitadelExpiry[]): void } {
  const registers = [registry];
  const counter = ({ name, help, labels = [] }: { name: string; help: string; labels?: readonly string[] }) =>
    new Counter({ name, help, labelNames: [...labels], registers });
  const requests = counter(METRICS.csrs);
  const issued = counter(METRICS.certificatesIssued);
  const refused = counter(METRICS.csrRefused);
  const unauthenticated = counter(METRICS.authenticationFailures);
  const failed = counter(METRICS.csrSignErrors);
  const podCertificates = counter(METRICS.podCertificates);
  const rotations = counter(METRICS.rotations);
  const errors = counter(METRICS.rotationErrors);

  return {
    certificate(outcome, problem = '') {
      requests.inc();
      if (outcome === 'issued') issued.inc();
      else if (outcome === 'refused') refused.inc({ problem });
      else if (outcome === 'unauthenticated') unauthenticated.inc();
      else failed.inc();
    },
    podCertificate: (type, reason) => podCertificates.inc({ type, reason }),
    transition: (kind) => rotations.inc({ kind }),
    rotationFailed: () => errors.inc(),
    watch(expiries) {
      const endOf = (level: string) =>
        (expiries()
          .find((each) => each.level === level)
          ?.notAfter.getTime() ?? 0) / 1000;
      const gauge = ({ name, help }: { name: string; help: string }, value: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value());
          },
        });
      gauge(METRICS.rootExpiryTimestamp, () => endOf('root'));
      gauge(METRICS.rootExpiry, () => endOf('root') - Date.now() / 1000);
      gauge(METRICS.chainExpiryTimestamp, () => endOf('intermediate'));
      gauge(METRICS.chainExpiry, () => endOf('intermediate') - Date.now() / 1000);
      const { name, help, labels } = METRICS.certificateOverdue;
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        collect() {
          for (const { level, isOverdue } of expiries()) this.set({ level }, Number(isOverdue));
        },
      });
    },
  };
}
