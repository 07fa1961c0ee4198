/**
 * Discovery from files: YAML and JSON become objects with their places (read.ts, yaml-text.ts), and changes are noticed
 * (watch.ts). What a cluster would have added is made up by the World's `complete`. What the objects say is not judged
 * here; that is Galley's.
 */
export { type ReadFiles, readFiles, readObjects, withoutDuplicates } from './read';
export { type FileWatch, type WatchOptions, watchFiles } from './watch';
export type { ReadOptions } from './yaml-text';
