/**
 * simulator: what would Envoy do with this request?
 *
 * The answer comes from the very resources that a proxy is sent, read the way Envoy reads them: the listener that
 * accepts the connection, its filter chain, the virtual host, the first route that matches, and the clusters with the
 * endpoints behind it. Nothing is asked of the objects, so a mistake in the translation shows here as it would in Envoy.
 *
 * Bounds: one proxy's view at a time. It tells which clusters may get a request, and with which share; it does not
 * pick one, and it does not know whether an endpoint is alive. Matchers that Malha never sends (header ranges are
 * served; runtime fractions, matching trees and cluster plugins are not) are an error, never a guess.
 */

export type { Answer, Destination, Faults, Forward, Redirect, Refusal, Response } from './answer';
export { ask, identityOf, type Question } from './ask';
export { type Request, simulate } from './simulate';
export { SimulationError } from './simulation-error';
