/**
 * External processing (envoy.service.ext_proc.v3): a service of one's own that sees requests and answers on their way and changes
 * them. Handlers are typed; bodies come whole, buffered by Envoy within its bounds.
 *
 * A handler that throws ends the exchange with Envoy, which then does what the construct `ExternalProcessing` says: refuse
 * the request (default), or go on without. One that is late is ended by Envoy's own timeout, in the same way.
 *
 * @packageDocumentation
 */
export type { Change, Exchange, Handlers, Headers, Reply } from './handlers';
export { reply } from './handlers';
export { type ProcessorOptions, type RunningProcessor, serveProcessor } from './processor';
