/** BackendTLSPolicies: which ports of which Services are spoken to over TLS, and what is wrong with a policy. */
import type { ClientTLSSettings } from '../../api';
import type { BackendTLSPolicy } from '../../api/gateway-api';
import { serviceHostname } from '../hostname';
import { nameKey } from '../inventory';
import { checkAuthority, GATEWAY_CREDENTIAL } from './certificates';
import type { Problem } from './conditions';
import type { Lookup } from './lookup';
import { Remembered } from './remembered';

/** TLS that a policy asks for: names may be `*.example.com`, and authorities lie where the policy does. */
export interface BackendTls extends ClientTLSSettings {
  /** `namespace/name` of the policy, by which these are told apart from settings of DestinationRules. */
  readonly policy: string;
  /** The credential of the authorities; undefined: those of the system. */
  readonly trust?: string;
}

/** A policy at one of its targets. */
interface Target {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly problem?: Problem;
}

export interface PreparedPolicy {
  readonly policy: BackendTLSPolicy;
  readonly targets: readonly Target[];
  /** Why it holds nowhere. */
  readonly notAccepted?: Problem;
  readonly unresolved?: Problem;
}

export interface BackendPolicies {
  readonly prepared: readonly PreparedPolicy[];
  /** By host name of a Service, then by port. */
  readonly byHost: ReadonlyMap<string, ReadonlyMap<number, BackendTls>>;
}

/** @param policies oldest first: of several for one port of a Service, or for all of them, that one holds. */
export function prepareBackendTls(lookup: Lookup, policies: readonly BackendTLSPolicy[]): BackendPolicies {
  const claimed = new Set<string>();
  const whole = new Map<string, Map<number, BackendTls>>();
  const single = new Map<string, Map<number, BackendTls>>();
  const prepared = policies.map((policy) => {
    const { namespace = 'default' } = policy.metadata;
    const made = settingsOf(lookup, policy);
    const targets = policy.spec.targetRefs.map(({ group, kind, name, sectionName }): Target => {
      const service = nameKey(namespace, name);
      const no = (reason: string, message: string): Target => ({ service, problem: { reason, message } });
      if (group !== '' || kind !== 'Service') return no('Invalid', `targets are Services, got ${kind} ${name}`);
      const all = lookup.service(namespace, name)?.spec?.ports;
      if (!all) return no('TargetNotFound', `there is no Service ${service}`);
      const ports = all.filter((port) => sectionName === undefined || port.name === sectionName);
      if (ports.length === 0) return no('TargetNotFound', `Service ${service} has no port named ${sectionName}`);
      const claim = `${service}|${sectionName ?? ''}`;
      if (claimed.has(claim))
        return no('Conflicted', `an older policy is for ${claim.replace('|', ' ').trim()} already`);
      claimed.add(claim);
      const into = sectionName === undefined ? whole : single;
      const host = serviceHostname(name, namespace);
      const settings = new Map([...(into.get(host) ?? []), ...ports.map(({ port }) => [port, made.settings] as const)]);
      into.set(host, settings);
      return { service };
    });
    const { settings: _, ...problems } = made;
    return { policy, targets, ...problems };
  });
  const byHost = new Map(whole);
  // What is said of one port goes before what is said of all.
  for (const [host, ports] of single) byHost.set(host, new Map([...(whole.get(host) ?? []), ...ports]));
  return { prepared, byHost };
}

interface Made {
  readonly settings: BackendTls;
  readonly notAccepted?: Problem;
  readonly unresolved?: Problem;
}

/** `.invalid` is nobody's (RFC 6761), so no authority certifies it: such connections fail, and the client gets 503. */
const NOBODY = 'unresolved.malha.invalid';

const remembered = new Remembered<Made>();

function settingsOf(lookup: Lookup, policy: BackendTLSPolicy): Made {
  const { namespace = 'default' } = policy.metadata;
  const references = policy.spec.validation.caCertificateRefs ?? [];
  const seen = references.flatMap(({ name }) => [lookup.secret(namespace, name), lookup.configMap(namespace, name)]);
  return remembered.get(policy, seen, () => makeSettings(lookup, policy));
}

function makeSettings(lookup: Lookup, policy: BackendTLSPolicy): Made {
  const { caCertificateRefs: references = [], wellKnownCACertificates, ...names } = policy.spec.validation;
  const wanted = namesOf(names);
  const { namespace, name } = policy.metadata;
  const settings: BackendTls = {
    policy: nameKey(namespace, name),
    mode: 'SIMPLE',
    sni: names.hostname,
    subjectAltNames: wanted,
  };
  const failing: BackendTls = { ...settings, caCertificates: 'system', subjectAltNames: [NOBODY] };
  const invalid = (message: string): Made => ({ settings: failing, notAccepted: { reason: 'Invalid', message } });
  if (wanted.length === 0) return invalid('subjectAltNames have no hostname and no uri');
  if (references.length === 0) {
    if (wellKnownCACertificates === 'System') return { settings: { ...settings, caCertificates: 'system' } };
    if (!wellKnownCACertificates) return invalid('neither caCertificateRefs nor wellKnownCACertificates is there');
    return invalid(`wellKnownCACertificates is System, got ${wellKnownCACertificates}`);
  }
  if (wellKnownCACertificates) return invalid('there are caCertificateRefs and wellKnownCACertificates; leave one out');
  const checked = references.map((reference) => checkAuthority(lookup, policy, reference));
  const problem = checked.find((each) => each.problem)?.problem;
  const reason = problem?.reason === 'InvalidCACertificateKind' ? 'InvalidKind' : problem?.reason;
  const unresolved = problem && reason ? { unresolved: { ...problem, reason } } : {};
  const good = references.flatMap(({ kind }, i) => (checked[i]!.name ? [`${kind}/${checked[i]!.name}`] : []));
  if (good.length > 0)
    return { settings: { ...settings, trust: `${GATEWAY_CREDENTIAL}${good.join(',')}` }, ...unresolved };
  const message = `no authority for the certificate of the backend is valid: ${problem?.message}`;
  return { settings: failing, notAccepted: { reason: 'NoValidCACertificate', message }, ...unresolved };
}

type Names = Pick<BackendTLSPolicy['spec']['validation'], 'hostname' | 'subjectAltNames'>;

/** With names of its own, the host name is what is asked for, and no more. */
function namesOf({ hostname, subjectAltNames }: Names): string[] {
  if (!subjectAltNames?.length) return [hostname];
  return subjectAltNames.flatMap(({ type, hostname: host, uri }) => (type === 'URI' ? uri : host) || []);
}
