/**
 * pilot: World → listeners, routes, clusters and endpoints of Envoy. Pure: no I/O, no clock, no state but memory.
 *
 * `translator.ts` is the entry. One file makes one kind of Envoy resource or filter, or one part of a policy. What
 * distinguishes proxies is cut down first (`client-view.ts`, `inbound-ports.ts`, `gateway-view.ts`), so that all that
 * see the same share the same resources; conditions on the client (`sourceLabels`, `sourceNamespace`, `gateways`, `port`)
 * are decided at translation, conditions on the request by Envoy. `memo.ts` remembers results by verifying traces.
 *
 * Names are Istio's (`names.ts`), and so are the defaults: no request timeout, two retries where that is safe, no
 * bound on connections, least-request balancing. User regular expressions go to Envoy as RE2 and are never run here.
 *
 * Bounds: explicit capture carries HTTP only on the way out. Gateways
 * serve HTTP, TLS mode SIMPLE and PASSTHROUGH, and TCP. No mutual TLS: what asks for it never gets plain text instead.
 */
export type { Snapshot } from '../envoy/resource';
export type { TranslationFailure } from './memo';
export * from './names';
export { Translator } from './translator';
