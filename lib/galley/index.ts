/**
 * Galley judges objects. `validate` looks at one object alone: its schema and the rules of its kind (rules/). `analyze`
 * looks at all of them together (analyzers/). `admit` is the door to the World: only what has no errors enters, and the
 * last good version stays in force while a newer one is bad. Everything is a pure function of values, every finding comes
 * from one catalogue, and any JSON value may stand in place of an object.
 */
export { type Admission, admit } from './admit';
export { analyze, once } from './analyze';
export type { AnalyzeOptions } from './analyzers/analysis';
export { type CatalogueEntry, type Code, catalogue } from './catalogue';
export { judgeByRules, type NamedRule } from './custom-rule';
export type { Finding, Level } from './finding';
export { notTranslated } from './not-translated';
export { isNamed, isValid, readable, validate, validateMeshConfig } from './validate';
