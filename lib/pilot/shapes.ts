/** Small shapes that Envoy's messages are made of. */
import type { Percent } from '../api';
import { parseDuration, protobufDuration } from '../api/duration';
import type { envoy } from '../envoy/generated/envoy';

/** An address and port. */
export function socketAddress(address: string, port: number): envoy.config.core.v3.Address {
  return { socket_address: { address, port_value: port } };
}

/** `unix:///path` is a pipe, everything else an address or name. */
export function endpointAddress(address: string, port: number): envoy.config.core.v3.Address {
  if (address.startsWith('unix://')) return { pipe: { path: address.slice('unix://'.length) } };
  return socketAddress(address, port);
}

/** Everything comes over the one aggregated stream. */
export function ads(): envoy.config.core.v3.ConfigSource {
  return OVER_ADS;
}

/** Frozen, so that it is encoded once. */
const OVER_ADS: envoy.config.core.v3.ConfigSource = Object.freeze({
  ads: {},
  initial_fetch_timeout: '0s',
  resource_api_version: 'V3',
});

/**
 * A Secret by its name in Envoy. With the default timeout: without a control plane, one Secret must not keep the rest
 * from starting. A control plane says at once that there is no such Secret, and Envoy then waits no longer.
 */
export function secretOverAds(name: string): envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig {
  return { name, sds_config: { ads: {}, resource_api_version: 'V3' } };
}

/** A duration of the mesh API (`1m30s`) as Envoy takes it. */
export function duration(text: string): string;
export function duration(text: string | undefined): string | undefined;
export function duration(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new Error(`'${text}' is no duration such as 1.5s or 2m`);
  return protobufDuration(milliseconds);
}

/**
 * What a percentage of the mesh API says, in percent. An empty one says 0, as messages do of a number that is left out.
 * @param withoutAny what no percentage at all means there.
 */
export function percentOr(percent: Percent | undefined, withoutAny: number): number {
  return percent ? (percent.value ?? 0) : withoutAny;
}

/** A percentage, to a ten-thousandth of a percent. */
export function fraction(percent: number): envoy.type.v3.FractionalPercent {
  return { numerator: Math.round(Math.min(100, Math.max(0, percent)) * 10_000), denominator: 'MILLION' };
}

/** Leaves out fields without a value; undefined when nothing is left. */
export function unlessEmpty<T extends object>(value: T): T | undefined {
  return Object.values(value).some((field) => field !== undefined) ? value : undefined;
}
