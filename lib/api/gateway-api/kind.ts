/** A kind of gateway.networking.k8s.io. Its CustomResourceDefinition is the cluster's, never ours. */
import { defineKind, type Kind, type KindOptions } from '../kind';
import { GATEWAY_GROUP } from './reference';

/** @param versions the newest first; that one is what we write. */
export function gatewayApiKind(options: KindOptions & { versions: readonly [string, ...string[]] }): Kind {
  const { versions, ...rest } = options;
  return defineKind(GATEWAY_GROUP, [...versions], versions[0], rest);
}
