/** AuthorizationPolicies by the book: a plain evaluator that says who decides, and what would turn it around. */
export type { Call, HttpCall } from './call';
export { type Change, smallestChange } from './change';
export { type Decision, decide, type Judged, type Setting } from './decide';
export { type Clause, clausesOf } from './rule';
