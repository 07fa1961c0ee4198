/** From Envoy's question to what a check is told. */
import type { envoy } from '../../envoy/generated/envoy';
import type { AuthorizationRequest } from '../../plugin';
import { type Identity, parseIdentity } from '../../world';

type CheckRequest = envoy.service.auth.v3.CheckRequest;

/** @throws Error when it holds no attributes. */
export function requestOf({ attributes }: CheckRequest): AuthorizationRequest {
  if (!attributes) throw new Error('the question has no attributes');
  const { source, destination, request } = attributes;
  const { method, path: target, host, headers } = request?.http ?? {};
  const caller = identityOf(source?.principal);
  const callee = identityOf(destination?.principal);
  const address = source?.address?.socket_address?.address;
  const common = { ...(caller && { caller }), ...(callee && { callee }), ...(address && { address }) };
  if (!request?.http) return { protocol: 'tcp', ...common, headers: {} };
  const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(target ?? '') ?? [];
  return { protocol: 'http', ...common, method, path, query, host, headers: headersOf(headers) };
}

/** Without a prototype's names among them. */
function headersOf(headers: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  return Object.assign(Object.create(null) as Record<string, string>, headers);
}

/** What is no identity of a workload proves nothing. */
function identityOf(principal: string | undefined): Identity | undefined {
  if (!principal) return undefined;
  try {
    return parseIdentity(principal);
  } catch {
    return undefined;
  }
}
