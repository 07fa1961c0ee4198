/** The rules of AuthorizationPolicy. */
import type {
  AuthorizationPolicySpec,
  Condition,
  Operation,
  Rule,
  Source,
} from '../../api/security/authorization-policy';
import { shown } from '../schema-check';
import type { Check } from './check';
import { isAddressBlock } from './host';
import { checkSelector, checkTargets } from './labels';

export function checkAuthorizationPolicy(spec: AuthorizationPolicySpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  checkTargets(spec, check);
  if (spec.action === 'CUSTOM') {
    if (!spec.rules) {
      check.at('rules').error('rules are missing, the action CUSTOM needs them');
    }
    if (!spec.provider?.name) {
      check.at('provider').error('provider.name is missing, the action CUSTOM needs it');
    }
    check.at('rules').each(spec.rules, checkCustomRule);
  } else if (spec.provider) {
    check.at('provider').error(`provider is only for the action CUSTOM, got ${spec.action ?? 'ALLOW'}`);
  }
  if (spec.action === 'DENY' && !spec.rules) {
    check
      .at('rules')
      .error('rules are missing: without any, the action DENY denies nothing', 'write rules: [{}] to deny everything');
  }
  check.at('rules').each(spec.rules, (rule, at) => {
    checkRule(rule, at);
    if (spec.action === 'DENY' && isOfHttpOnly(rule)) {
      at.warning(
        'what looks at HTTP cannot be told for plain TCP, so that this rule denies all TCP traffic of the workloads',
        'name the ports in to.operation.ports',
      );
    }
  });
}

/** Whether operations, or sources where there are none, name nothing that plain TCP has too. */
function isOfHttpOnly({ from = [], to = [] }: Rule): boolean {
  if (to.length > 0) return !to.some(({ operation }) => operation?.ports ?? operation?.notPorts);
  const fields = from.flatMap(({ source }) => Object.keys(source ?? {}));
  return (
    fields.length > 0 && fields.every((field) => field === 'requestPrincipals' || field === 'notRequestPrincipals')
  );
}

const NOT_FOR_CUSTOM = [
  'namespaces',
  'notNamespaces',
  'principals',
  'notPrincipals',
  'requestPrincipals',
  'notRequestPrincipals',
] as const;

/** https://istio.io/latest/docs/reference/config/security/authorization-policy/#AuthorizationPolicy-Action on CUSTOM */
function checkCustomRule(rule: Rule, check: Check): void {
  const message = (what: string) => `the API has no ${what} for the action CUSTOM`;
  check.at('from').each(rule.from, ({ source }, at) => {
    for (const field of NOT_FOR_CUSTOM) {
      if (source?.[field]?.length) at.at('source', field).error(message(field));
    }
  });
  check.at('when').each(rule.when, ({ key }, at) => {
    if (key === 'source.namespace' || key === 'source.principal' || key.startsWith('request.auth.')) {
      at.at('key').error(message(key));
    }
  });
}

function checkRule(rule: Rule, check: Check): void {
  for (const field of ['from', 'to'] as const) {
    if (rule[field]?.length === 0) {
      check.at(field).error(`${field} must not be an empty list`, `leave ${field} out to match everything`);
    }
  }
  check.at('from').each(rule.from, ({ source }, at) => {
    if (!source || isEmpty(source)) {
      at.at('source').error('a source has at least one field, got none');
    } else {
      checkSource(source, at.at('source'));
    }
  });
  check.at('to').each(rule.to, ({ operation }, at) => {
    if (!operation || isEmpty(operation)) {
      at.at('operation').error('an operation has at least one field, got none');
    } else {
      checkOperation(operation, at.at('operation'));
    }
  });
  check.at('when').each(rule.when, checkCondition);
}

function isEmpty(lists: Record<string, readonly string[] | undefined>): boolean {
  return Object.values(lists).every((list) => !list?.length);
}

function checkNotEmpty(values: readonly string[] | undefined, check: Check): void {
  check.each(values, (value, at) => {
    if (value === '') {
      at.error('a value must not be empty');
    }
  });
}

function checkAddresses(values: readonly string[] | undefined, check: Check): void {
  check.each(values, (value, at) => {
    if (!isAddressBlock(value)) {
      at.error(`expected an IP address or a CIDR block, got ${shown(value)}`);
    }
  });
}

function checkSource(source: Source, check: Check): void {
  for (const field of Object.keys(source) as (keyof Source)[]) {
    const isAddress = field.toLowerCase().endsWith('ipblocks');
    (isAddress ? checkAddresses : checkNotEmpty)(source[field], check.at(field));
  }
  const accounts = source.serviceAccounts ?? source.notServiceAccounts;
  const others = (['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const).filter(
    (field) => source[field],
  );
  if (accounts && others[0]) {
    check.at(others[0]).error(`${others[0]} has no place beside serviceAccounts, which name the namespace already`);
  }
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    check.at(field).each(source[field], (account, at) => {
      if (account.split('/').length > 2 || (account !== '' && account.split('/').includes(''))) {
        at.error(`expected name or namespace/name, got ${shown(account)}`);
      }
    });
  }
}

function checkOperation(operation: Operation, check: Check): void {
  for (const field of Object.keys(operation) as (keyof Operation)[]) {
    const isPort = field === 'ports' || field === 'notPorts';
    (isPort ? checkPorts : checkNotEmpty)(operation[field], check.at(field));
  }
  for (const field of ['paths', 'notPaths'] as const) {
    check.at(field).each(operation[field], checkPath);
  }
}

function checkPorts(values: readonly string[] | undefined, check: Check): void {
  check.each(values, (value, at) => {
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) {
      at.error(`a port is a number from 0 to 65535, got ${shown(value)}`);
    }
  });
}

/** A template has `{*}` and `{**}` as whole segments, and no other wildcards. */
function checkPath(path: string, check: Check): void {
  if (!path.includes('{') && !path.includes('}')) {
    return;
  }
  const segments = path.split('/');
  const wrong = segments.find((segment) => segment !== '{*}' && segment !== '{**}' && /[{}*]/.test(segment));
  if (wrong !== undefined) {
    check.error(`a path template has {*} and {**} as whole segments only, got ${shown(wrong)}`);
  } else if (segments.indexOf('{**}') !== segments.lastIndexOf('{**}')) {
    check.error(`a path template has {**} at most once, got ${shown(path)}`);
  }
}

const KEYS = [
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'destination.ip',
  'destination.port',
  'connection.sni',
];

const KEY_WITH_NAME =
  /^(request\.headers\[[^\]]+\]|request\.auth\.claims(\[[^\]]+\])+|experimental\.envoy\.filters\..+)$/;

function checkCondition(condition: Condition, check: Check): void {
  const { key, values, notValues } = condition;
  if (!KEYS.includes(key) && !KEY_WITH_NAME.test(key)) {
    const allowed = [...KEYS, 'request.headers[name]', 'request.auth.claims[name]'].join(', ');
    check.at('key').error(`expected one of ${allowed}, got ${shown(key)}`);
    return;
  }
  if (!values?.length && !notValues?.length) {
    check.error('a condition has values or notValues, got none');
  }
  for (const field of ['values', 'notValues'] as const) {
    const at = check.at(field);
    if (key.endsWith('.ip')) {
      checkAddresses(condition[field], at);
    } else if (key === 'destination.port') {
      checkPorts(condition[field], at);
    } else {
      checkNotEmpty(condition[field], at);
    }
  }
}
