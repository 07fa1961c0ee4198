/** Versions, ciphers and curves of TLS: of the mesh's own, and of TLS with everybody else. */
import type { MeshConfig } from '../api';
import { isKnownCipher, isKnownCurve } from '../api/networking/tls-parameters';
import type { envoy } from '../envoy/generated/envoy';

export type TlsParameters = envoy.extensions.transport_sockets.tls.v3.TlsParameters;
type Version = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;

/** What an object says for itself. */
export interface OwnTlsParameters {
  readonly minProtocolVersion?: string;
  readonly maxProtocolVersion?: string;
  readonly cipherSuites?: readonly string[];
  readonly ecdhCurves?: readonly string[];
}

/** Oldest first; TLS_AUTO is none of them. */
const VERSIONS: Record<string, Version> = {
  TLSV1_0: 'TLSv1_0',
  TLSV1_1: 'TLSv1_1',
  TLSV1_2: 'TLSv1_2',
  TLSV1_3: 'TLSv1_3',
};
const ORDER = Object.keys(VERSIONS);

const OLDEST = 'TLSV1_2';
const NEWEST = 'TLSV1_3';

/** Between workloads: `meshMTLS`. Curves are those of the proxies, as the API has it. */
export function meshTlsParameters({ meshMTLS }: MeshConfig): TlsParameters {
  const { minProtocolVersion, cipherSuites } = meshMTLS ?? {};
  return parameters({ minProtocolVersion, cipherSuites, maxProtocolVersion: NEWEST });
}

/** Of a client of a service beyond the mesh: `tlsDefaults`. */
export function clientTlsParameters({ tlsDefaults }: MeshConfig): TlsParameters {
  return parameters({ ...tlsDefaults, maxProtocolVersion: NEWEST });
}

/** Of a server for clients beyond the mesh: what it says itself goes before `tlsDefaults`. */
export function serverTlsParameters({ tlsDefaults }: MeshConfig, own: OwnTlsParameters): TlsParameters {
  return parameters({
    minProtocolVersion: own.minProtocolVersion ?? olderOf(tlsDefaults?.minProtocolVersion, own.maxProtocolVersion),
    maxProtocolVersion: own.maxProtocolVersion,
    cipherSuites: own.cipherSuites?.length ? own.cipherSuites : tlsDefaults?.cipherSuites,
    ecdhCurves: own.ecdhCurves?.length ? own.ecdhCurves : tlsDefaults?.ecdhCurves,
  });
}

/** Envoy refuses a range that is empty: a server that ends below the mesh's default begins there as well. */
function olderOf(wanted: string | undefined, newest: string | undefined): string | undefined {
  if (!newest || !VERSIONS[newest]) return wanted;
  return ORDER.indexOf(wanted ?? OLDEST) > ORDER.indexOf(newest) ? newest : wanted;
}

/** Names that Envoy does not know are left out, as Galley has said: it would refuse all for one. */
function parameters(own: OwnTlsParameters): TlsParameters {
  const newest = VERSIONS[own.maxProtocolVersion ?? ''];
  const ciphers = own.cipherSuites?.filter(isKnownCipher) ?? [];
  const curves = own.ecdhCurves?.filter(isKnownCurve) ?? [];
  return {
    tls_minimum_protocol_version: VERSIONS[own.minProtocolVersion ?? ''] ?? VERSIONS[OLDEST]!,
    ...(newest && { tls_maximum_protocol_version: newest }),
    ...(ciphers.length > 0 && { cipher_suites: ciphers }),
    ...(curves.length > 0 && { ecdh_curves: curves }),
  };
}
