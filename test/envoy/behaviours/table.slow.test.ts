/** The rows with explicit capture, which needs no right; `table.test.ts` has taken the other where it can. */
import { BehaviourMesh } from './mesh';
import { behaviours } from './rows';
import { runBehaviour } from './run-behaviour';

describe('the table of behaviours, in explicit capture', () => {
  let mesh: BehaviourMesh;
  beforeAll(async () => {
    mesh = await BehaviourMesh.start('explicit');
  }, 60_000);
  afterAll(() => mesh?.stop());

  const rows = behaviours.filter(({ onlyTransparent }) => !onlyTransparent);
  test.each(rows.map((row) => [`${row.topic}: ${row.feature}`, row] as const))('%s', async (_, row) => {
    expect(await runBehaviour(mesh, row)).toBe(row.cases.length);
  });
});
