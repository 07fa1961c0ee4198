/** Whether a rule fits a call, condition by condition. */
import type { Operation, Rule, Source } from '../../api';
import { fitsValue, type PolicyPlace } from './attributes';
import type { Call } from './call';

/** One field of a rule: one of its values has to fit, or none of them may. */
export interface Clause {
  /** `from[0].source.principals` */
  readonly path: string;
  readonly key: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** The fields of a source and an operation, and their attributes. */
const FIELDS: Readonly<Record<keyof Source | keyof Operation, string>> = {
  principals: 'source.principal',
  notPrincipals: 'source.principal',
  requestPrincipals: 'request.auth.principal',
  notRequestPrincipals: 'request.auth.principal',
  namespaces: 'source.namespace',
  notNamespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  notServiceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  notTrustDomains: 'source.trustDomain',
  ipBlocks: 'source.ip',
  notIpBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
  notRemoteIpBlocks: 'remote.ip',
  hosts: 'request.host',
  notHosts: 'request.host',
  ports: 'destination.port',
  notPorts: 'destination.port',
  methods: 'request.method',
  notMethods: 'request.method',
  paths: 'request.path',
  notPaths: 'request.path',
};

/** The clauses of a rule: of each source, of each operation, and those that always have to hold. */
export function clausesOf(rule: Rule): { from: Clause[][]; to: Clause[][]; when: Clause[] } {
  const fields = (object: Source | Operation | undefined, path: string): Clause[] =>
    Object.entries(object ?? {}).flatMap(([field, values]) =>
      values?.length
        ? [
            {
              path: `${path}.${field}`,
              key: FIELDS[field as keyof typeof FIELDS],
              values,
              negated: field.startsWith('not'),
            },
          ]
        : [],
    );
  return {
    from: rule.from?.map(({ source }, index) => fields(source, `from[${index}].source`)) ?? [[]],
    to: rule.to?.map(({ operation }, index) => fields(operation, `to[${index}].operation`)) ?? [[]],
    when: (rule.when ?? []).flatMap(({ key, values = [], notValues = [] }, index) => [
      ...(values.length ? [{ path: `when[${index}].values`, key, values, negated: false }] : []),
      ...(notValues.length ? [{ path: `when[${index}].notValues`, key, values: notValues, negated: true }] : []),
    ]),
  };
}

/**
 * The clauses that keep a rule from fitting, as few as possible; empty when it fits.
 * @param grants whether the rule allows. What nobody can tell counts against the caller: it keeps an allowing rule from
 *   fitting, and no other.
 */
export function misfits(rule: Rule, call: Call, place: PolicyPlace, grants: boolean): Clause[] {
  const { from, to, when } = clausesOf(rule);
  const failing = (clauses: readonly Clause[]) =>
    clauses.filter((clause) => !(holds(clause, call, place, grants) ?? !grants));
  const fewest = (alternatives: readonly Clause[][]) =>
    alternatives.map(failing).reduce((best, each) => (each.length < best.length ? each : best));
  return [...fewest(from), ...fewest(to), ...failing(when)];
}

function holds({ key, values, negated }: Clause, call: Call, place: PolicyPlace, grants: boolean): boolean | undefined {
  const results = values.map((value) => fitsValue(key, value, call, place, grants === negated));
  if (results.includes(undefined)) return undefined;
  return results.includes(true) !== negated;
}
