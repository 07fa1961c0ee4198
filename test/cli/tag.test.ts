/** When a tag may be set; test/cluster/revisions.test.ts sets and moves one on a real cluster. */
import { type Revisions, tagObstacle } from '../../lib/cluster';

const found: Revisions = {
  revisions: ['default', 'v1', 'v2'],
  tags: [{ tag: 'prod', revision: 'v1' }],
  namespaces: new Map(),
};
const set = (tag: string, revision: string, overwrite = false) =>
  tagObstacle(found, { namespace: 'malha-system', tag, revision, overwrite });

test.each([
  ['a new one', 'canary', 'v2', false],
  ['one that stands as wished', 'prod', 'v1', false],
  ['one that is to be moved', 'prod', 'v2', true],
])('%s is set', (_, tag, revision, overwrite) => {
  expect(set(tag, revision, overwrite)).toBeUndefined();
});

test.each([
  ['one that stands for another', 'prod', 'v2', 'tag prod stands for v1; move it by --overwrite'],
  ['one for nobody', 'canary', 'v9', 'there is no revision v9; there are: default, v1, v2'],
  [
    'one that is called as a revision',
    'v2',
    'v1',
    'a revision has the name v2; choose another, or remove that revision first',
  ],
  ['default, while that revision is there', 'default', 'v1', 'a revision has the name default; choose'],
  ['one that is no label', 'Prod', 'v1', "'Prod' is no name of a tag; allowed are up to 43"],
])('%s is refused', (_, tag, revision, message) => {
  expect(set(tag, revision)).toContain(message);
});
