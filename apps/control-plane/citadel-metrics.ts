/** Citadel's metrics, in the registry of the control plane's. */
import { Counter, Gauge } from 'prom-client';
import type { CitadelExpiry, CitadelObserver } from './citadel';
import { METRICS } from './metric-names';
import type { Metrics } from './metrics';

/** Counts from the start; `watch` adds what is read when it is asked for. */
export function citadelMetrics({
  registry,
  countCertificate,
}: Pick<Metrics, 'registry' | 'countCertificate'>): CitadelObserver & { watch(expiries: () => CitadelExpiry[]): void } {
  const registers = [registry];
  const counter = ({ name, help, labels = [] }: { name: string; help: string; labels?: readonly string[] }) =>
    new Counter({ name, help, labelNames: [...labels], registers });
  const unauthenticated = counter(METRICS.authenticationFailures);
  const podCertificates = counter(METRICS.podCertificates);
  const rotations = counter(METRICS.rotations);
  const errors = counter(METRICS.rotationErrors);

  return {
    certificate(outcome, problem) {
      countCertificate(outcome === 'issued' ? undefined : problem);
      if (outcome === 'unauthenticated') unauthenticated.inc();
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
