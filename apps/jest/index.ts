/**
 * Matchers for jest: `import 'malha/jest'`, then
 * `expect(mesh.request({ from: page, to: reviews, path: '/reviews/1' })).toReach(reviews.version('v1'))` and
 * `await expect(mesh).toBeAcceptedByEnvoy()`.
 *
 * @packageDocumentation
 */
import type { Mesh } from '../../constructs';
import { meshMatchers as asking } from '../../constructs/jest';
// Once more for its types: declarations keep an import that stands alone, and with it what jest's `expect` knows of toReach.
import '../../constructs/jest';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { judgeByEnvoy } from '../../lib/local/envoy-judgement';

/** Who judges, and what. */
export interface EnvoyJudges {
  /** Path of the binary. Default: `$ENVOY_BIN`, `envoy` on PATH, the one in use by `malha up`, which is fetched if need be. */
  readonly envoy?: string;
  /** `NAME.NAMESPACE` of Pods or workloads, as `reviews-v1.shop`. Default: all that have a proxy. */
  readonly proxies?: readonly string[];
}

/** What `expect.extend` takes; done already where jest's `expect` is global. */
export const meshMatchers = {
  ...asking,

  /**
   * A real Envoy (`--mode validate`) takes what each proxy of the program would get, EnvoyFilters and plugins applied.
   * @throws Error when there is no Envoy, or a workload that is named has no proxy: then nothing is known, also behind `not`.
   */
  async toBeAcceptedByEnvoy(received: Mesh, { envoy, proxies }: EnvoyJudges = {}) {
    const env = envoy ? { ...process.env, ENVOY_BIN: envoy } : process.env;
    const { path, version } = await findEnvoy({ env });
    const judgement = await judgeByEnvoy({ ...received.translated, proxies, envoy: path });
    const { refusals, failures } = judgement;
    if (proxies && judgement.unknown.length > 0) {
      const names = judgement.unknown.join(', ');
      throw new Error(
        `toBeAcceptedByEnvoy: no proxy ${names}; allowed: NAME.NAMESPACE of a workload of this program, as reviews-v1.shop`,
      );
    }
    const pass = refusals.length === 0 && failures.length === 0;
    const message = () => {
      if (pass)
        return `expected Envoy ${version} to refuse something; it takes what all ${judgement.proxies} proxies get`;
      return [
        `expected Envoy ${version} to take what proxies would get`,
        ...failures.map(({ name, error }) => `${name} cannot be applied: ${error.message}`),
        ...refusals.map(({ proxy, complaint, culprits }) => {
          const names = culprits.length > 0 ? `, because of ${culprits.map(({ name }) => name).join(', ')}` : '';
          return `proxy ${proxy} is refused${names}: ${complaint.trim()}`;
        }),
      ].join('\n');
    };
    return { pass, message };
  },
};

(globalThis as { expect?: { extend?(matchers: object): void } }).expect?.extend?.(meshMatchers);

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: the parameters are those of jest's own declaration
    interface Matchers<R, T = {}> {
      toBeAcceptedByEnvoy(judges?: EnvoyJudges): Promise<R>;
    }
  }
}
