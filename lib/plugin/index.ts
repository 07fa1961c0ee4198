/**
 * Plugins: what an operator adds to a mesh from packages of npm. A plugin is a value: a name, the version of this API that it was
 * written for, what it is able to do (its capabilities), and the parts that do it. What it has not declared it does not get:
 * a rule sees objects of declared kinds alone, a check declared headers alone, and so on.
 *
 * A capability says what a plugin is handed and what is taken from it. It is no sandbox: a plugin is code of the operator's
 * choice, in the operator's processes. Nothing that a tenant writes into an object is ever run.
 */
export * from './authorization-check';
export * from './capabilities';
export * from './limited';
export * from './plugin';
export type { TelemetryTag } from './telemetry-tag';
