/** Every row of the table, through real Envoys that our own control plane feeds. */
import { captures } from '../captures';
import { BehaviourMesh } from './mesh';
import { behaviours } from './rows';
import { runBehaviour } from './run-behaviour';

/** The one that clusters use, where this machine allows it; `table.slow.test.ts` runs the other. */
const capture = captures[0]!;

describe(`the table of behaviours, in ${capture} capture`, () => {
  let mesh: BehaviourMesh;
  beforeAll(async () => {
    mesh = await BehaviourMesh.start(capture);
  }, 60_000);
  afterAll(() => mesh?.stop());

  const rows = behaviours.filter(({ onlyTransparent }) => !onlyTransparent || capture === 'transparent');
  test.each(rows.map((row) => [`${row.topic}: ${row.feature}`, row] as const))('%s', async (_, row) => {
    expect(await runBehaviour(mesh, row)).toBe(row.cases.length);
  });
});
