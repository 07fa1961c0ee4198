/**
 * Discovery from files: YAML and JSON become objects with their places (read.ts, yaml-text.ts), what a cluster would have
 * added is made up (completion.ts, addresses.ts, endpoint-slices.ts), and changes are noticed (watch.ts). What the
 * objects say is not judged here; that is Galley's.
 */
export { type AddressRanges, complete, DEFAULT_RANGES } from './completion';
export { type ReadFiles, readFiles, readObjects } from './read';
export { type FileWatch, type WatchOptions, watchFiles } from './watch';
