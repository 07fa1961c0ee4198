/**
 * A matcher for jest: `import 'malha/jest'`, then
 * `expect(mesh.request({ from: page, to: reviews, path: '/reviews/1' })).toReach(reviews.version('v1'))`.
 *
 * @packageDocumentation
 */
import type { Outcome } from '../request';
import type { IRouteTarget } from '../service-version';
import type { Percent } from '../units';

/** What `expect.extend` takes; done already where jest's `expect` is global. */
export const meshMatchers = {
  /** Some of the requests reach `target`; with `share`, just that part of them, to a tenth of a percent. */
  toReach(received: Outcome, target: IRouteTarget, share?: Percent): { pass: boolean; message: () => string } {
    const got = received.shareOf(target) * 100;
    const pass = share ? Math.abs(got - share.value) < 0.05 : got > 0;
    const name = `${target.service.node.path}${target.versionName ? ` version ${target.versionName}` : ''}`;
    const wanted = share ? `${share.value} % at ${name}` : name;
    return { pass, message: () => `expected the request ${pass ? 'not ' : ''}to reach ${wanted}; it is ${received}` };
  },
};

(globalThis as { expect?: { extend?(matchers: object): void } }).expect?.extend?.(meshMatchers);

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: the parameters are those of jest's own declaration
    interface Matchers<R, T = {}> {
      toReach(target: IRouteTarget, share?: Percent): R;
    }
  }
}
