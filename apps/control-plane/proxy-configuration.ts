/**
 * The value behind `/config?proxy=NAME`, a node id or `NAME.NAMESPACE`: how far a proxy is, and the configuration that it has taken,
 * from whichever replica serves it.
 */
import { hash, X509Certificate } from 'node:crypto';
import { hasAnswered, type ReplicaAnswer, type Topic } from '../../lib/controllers/replica-answers';
import { type Dumped, dumped } from '../../lib/envoy/config-dump';
import type { envoy } from '../../lib/envoy/generated/envoy';
import type { XdsServer } from '../../lib/xds/server';
import type { Type } from '../../lib/xds/source';
import type { ProxyWithConfiguration } from '../../lib/xds/status';
import { type Answer, json, text, type Visitor } from './http';
import { type ConnectedProxy, connectedProxy } from './status';

/** As in Envoy's config_dump; of secrets the names and certificates alone, of WebAssembly modules their checksum. */
export type ProxyConfiguration = Record<Exclude<Type, 'secrets'>, Dumped[]> & { secrets: SecretSummary[] };

export interface SecretSummary {
  readonly name: string;
  /** Its own first, or those that it trusts. */
  readonly certificates: readonly CertificateSummary[];
}

export interface CertificateSummary {
  /** The names that it is for, as OpenSSL writes them: `URI:spiffe://…`; of an authority its subject. */
  readonly names: string;
  readonly serialNumber: string;
  /** ISO times. */
  readonly notBefore: string;
  readonly notAfter: string;
}

export interface ConfiguredProxy {
  readonly proxy: ConnectedProxy;
  readonly configuration: ProxyConfiguration;
}

/** What one replica knows of a proxy: null where it is connected to none, or to another. */
export function configurationTopic(xds: () => XdsServer | undefined): Topic<ConfiguredProxy | null> {
  return {
    name: 'configuration',
    answer(name) {
      const found = xds()?.proxy(name);
      return found
        ? { proxy: connectedProxy(found.status), configuration: configurationOf(found.configuration) }
        : null;
    },
    read(value) {
      if (value === null) return null;
      const { proxy, configuration } = value as Partial<ConfiguredProxy>;
      if (typeof proxy?.node?.id !== 'string' || !Array.isArray(configuration?.listeners))
        throw new Error('it answers with no configuration of a proxy');
      return { proxy, configuration };
    },
  };
}

/** Whether somebody may ask for it: whether a proxy of others is there is none of a visitor's business either. */
export function mayAskFor(name: string, { namespace }: Visitor): boolean {
  const owner = (name.includes('~') ? (name.split('~')[2] ?? '') : name).split('.').at(-1);
  return namespace === undefined || namespace === owner;
}

/** @param answers of all replicas that were asked; none where nobody may ask. */
export function configurationAnswer(answers: readonly ReplicaAnswer<ConfiguredProxy | null>[]): Answer {
  const found = answers
    .filter(hasAnswered)
    .flatMap(({ name, answer }) => (answer ? [{ ...answer, proxy: { ...answer.proxy, replica: name } }] : []))
    // One that has just gone from one replica to another is at both; the younger connection knows.
    .sort((a, b) => (a.proxy.connectedAt < b.proxy.connectedAt ? 1 : -1));
  if (found[0]) return json(found[0]);
  const silent = answers.flatMap((replica) => ('error' in replica ? [`${replica.name}: ${replica.error}`] : []));
  if (silent.length > 0) {
    const why = silent.join('; ');
    return text(`no replica that answers serves this proxy, and not all of them answer (${why}): try again\n`, 503);
  }
  return text('no such proxy is connected; ask with ?proxy= and a node id of /status, or NAME.NAMESPACE\n', 404);
}

function configurationOf({
  secrets,
  extensions,
  ...others
}: ProxyWithConfiguration['configuration']): ProxyConfiguration {
  const dumps = Object.fromEntries(Object.entries(others).map(([type, resources]) => [type, dumped(resources)]));
  return {
    ...(dumps as Omit<ProxyConfiguration, 'secrets' | 'extensions'>),
    extensions: extensions.map(({ typeUrl, message }) => ({
      '@type': typeUrl,
      ...(withoutModules(message) as object),
    })),
    secrets: secrets.map(({ name, message }) => ({ name, certificates: certificatesOf(message as Secret) })),
  };
}

/** A module has megabytes, and nobody reads them. */
function withoutModules(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutModules);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      key === 'inline_bytes' ? `sha256:${hash('sha256', Buffer.from(String(field), 'base64'))}` : withoutModules(field),
    ]),
  );
}

type Secret = envoy.extensions.transport_sockets.tls.v3.Secret;

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Nothing but certificates leaves here: whatever else a secret holds may be a key. */
function certificatesOf({ tls_certificate, validation_context }: Secret): CertificateSummary[] {
  const source = tls_certificate?.certificate_chain ?? validation_context?.trusted_ca;
  const pem = Buffer.from(String(source?.inline_bytes ?? ''), 'base64').toString('utf8');
  return (pem.match(PEM) ?? []).flatMap((each) => {
    try {
      const { subjectAltName, subject, serialNumber, validFrom, validTo } = new X509Certificate(each);
      return [
        {
          names: subjectAltName ?? subject ?? '',
          serialNumber,
          notBefore: new Date(validFrom).toISOString(),
          notAfter: new Date(validTo).toISOString(),
        },
      ];
    } catch {
      // What is none is not taken by Envoy either, which says so.
      return [];
    }
  });
}
