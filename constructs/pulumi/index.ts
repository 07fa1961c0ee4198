/**
 * Malha for Pulumi: walks a cdk8s construct tree and declares every object in it as a Pulumi resource. The objects are
 * those that cdk8s would write, checked in the same way; the program chooses the engine, nothing else changes.
 *
 * Needs the packages `@pulumi/pulumi` and `@pulumi/kubernetes`, which a Pulumi program has already.
 *
 * @packageDocumentation
 */
export { type DeployOptions, deploy } from './deploy';
