/**
 * The rows with explicit capture, which needs no right; `table.test.ts` has taken the other where it can. And the rows
 * on the oldest Envoys that a mesh may meet, as when its control plane is newer than its Pods.
 */
import { OLDEST_ENVOYS } from '../../../lib/local/envoy-binary';
import { captures } from '../captures';
import { BehaviourMesh } from './mesh';
import { behaviours } from './rows';
import { runBehaviour } from './run-behaviour';

describe.each([
  { capture: 'explicit' as const, version: undefined },
  ...OLDEST_ENVOYS.map((version) => ({ capture: captures[0]!, version })),
])('the table of behaviours, in $capture capture, on Envoy $version', ({ capture, version }) => {
  let mesh: BehaviourMesh;
  beforeAll(async () => {
    mesh = await BehaviourMesh.start(capture, { version });
  }, 180_000);
  afterAll(() => mesh?.stop());

  const rows = behaviours.filter(
    ({ onlyTransparent, onlyNewest }) =>
      (!onlyTransparent || capture === 'transparent') && (!onlyNewest || version === undefined),
  );
  test.each(rows.map((row) => [`${row.topic}: ${row.feature}`, row] as const))('%s', async (_, row) => {
    expect(await runBehaviour(mesh, row)).toBe(row.cases.length);
  });
});
