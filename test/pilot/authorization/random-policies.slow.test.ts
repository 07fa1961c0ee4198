/** Ten thousand random policies and requests: real Envoy, the simulator and the reference evaluator say the same. */
import type { AuthorizationPolicy } from '../../../lib/api';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import type { Snapshot } from '../../../lib/envoy/resource';
import { type Call, clausesOf, decide } from '../../../lib/simulator/authorization';
import { judge } from '../../../lib/simulator/rbac';
import { PolicedEnvoy } from './policed-envoy';
import {
  ALL_FIELDS,
  callOf,
  fieldOf,
  ISSUER,
  type PolicyPlace,
  type RandomAsk,
  randomAsk,
  randomFrom,
  randomPolicies,
} from './random-policies';
import { TokenIssuer } from './token-issuer';

/** Twenty-six for each field. */
const MESHES = 26 * ALL_FIELDS.length;
const ASKS_PER_MESH = 10;
/** At once; each is its own connection, most with a handshake. */
const PARALLEL = 16;
const TRUST_DOMAINS = ['cluster.local', 'old.example'];
const SETTING = { trustDomains: TRUST_DOMAINS };

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type Rbac = envoy.extensions.filters.http.rbac.v3.RBAC;

const seed = Number(process.env.SEED ?? 20_261_124);

const meshConfig = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: 'trustDomainAliases: [old.example]' },
};

/** Everybody's tokens are of one issuer. */
const authentication = (jwks: string) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'RequestAuthentication',
  metadata: { name: 'tokens', namespace: 'istio-system' },
  spec: { jwtRules: [{ issuer: ISSUER, jwks }] },
});

interface Case {
  readonly mesh: number;
  readonly policies: readonly AuthorizationPolicy[];
  readonly ask: RandomAsk;
  readonly call: Call;
  readonly status: number;
}

jest.setTimeout(300_000);

describe(`random policies and requests (SEED=${seed})`, () => {
  const random = randomFrom(seed);
  const meshes: { policies: AuthorizationPolicy[]; place: PolicyPlace }[] = [];
  const cases: Case[] = [];
  let proxy: PolicedEnvoy;

  beforeAll(async () => {
    const issuer = await TokenIssuer.make(ISSUER);
    proxy = await PolicedEnvoy.start(
      Array.from({ length: MESHES }, (_, index) => (ports, address) => {
        const place = { ports, address, trustDomains: [...TRUST_DOMAINS, 'partner.example', 'oldxexample'] };
        const policies = randomPolicies(ALL_FIELDS[index % ALL_FIELDS.length]!, random, place);
        meshes.push({ policies, place });
        return [meshConfig, authentication(issuer.jwks), ...policies];
      }),
      // Metrics for thousands of listeners are most of what Envoy would have to set up.
      { network: 82, edit: ({ access_log: _, ...manager }) => manager },
    );
    const asks = meshes.flatMap(({ policies, place }, mesh) =>
      Array.from({ length: ASKS_PER_MESH }, () => ({ mesh, policies, place, ask: randomAsk(policies, random, place) })),
    );
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        for (let next = asks.pop(); next; next = asks.pop()) {
          const { mesh, policies, place, ask } = next;
          const { status } = await proxy.ask(mesh, await withToken(ask, issuer));
          cases.push({ mesh, policies, ask, call: callOf(ask, place), status });
        }
      }),
    );
  });

  afterAll(() => proxy?.stop());

  const isAllowed = ({ status }: Case) => status === 200;

  test('get a verdict each', () => {
    expect(cases).toHaveLength(MESHES * ASKS_PER_MESH);
    const wrong = cases.filter(({ ask, status }) => status !== 200 && status !== (ask.tcp ? 0 : 403));
    expect(wrong.slice(0, 3)).toEqual([]);
  });

  test("get the reference evaluator's verdict from real Envoy", () => {
    const different = cases.filter((each) => decide(each.policies, each.call, SETTING).allowed !== isAllowed(each));
    expect(
      different
        .slice(0, 3)
        .map(({ policies, ...rest }) =>
          JSON.stringify({ ...rest, policies: policies.map(({ metadata, spec }) => ({ metadata, spec })) }),
        ),
    ).toEqual([]);
  });

  test("get real Envoy's verdict from the simulator", () => {
    const different = cases.filter((each) => simulated(proxy.snapshots[each.mesh]!, each) !== isAllowed(each));
    expect(different.slice(0, 3)).toEqual([]);
  });

  test('are allowed in three of ten at least, and refused as often', () => {
    const share = cases.filter(isAllowed).length / cases.length;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.7);
  });

  test('are decided by every field fifty times at least', () => {
    const decided = new Map(ALL_FIELDS.map((field) => [field, 0]));
    for (const each of cases) {
      for (const field of fieldsOf(each.policies)) {
        const without = each.policies.map((policy) => withoutField(policy, field));
        const verdict = decide(without, each.call, SETTING).allowed;
        if (verdict !== isAllowed(each)) decided.set(field, decided.get(field)! + 1);
      }
    }
    expect([...decided].filter(([, times]) => times < 50)).toEqual([]);
  });
});

async function withToken(ask: RandomAsk, issuer: TokenIssuer): Promise<RandomAsk> {
  if (!ask.claims) return ask;
  return { ...ask, headers: { ...ask.headers, authorization: `Bearer ${await issuer.token(ask.claims)}` } };
}

function simulated(snapshot: Snapshot, { ask, call }: Case): boolean {
  const listener = snapshot.listeners.find(({ name }) => name.endsWith(`_${call.destinationPort}`))!;
  const { filter_chains: [chain] = [] } = listener.message as envoy.config.listener.v3.Listener;
  const configs = ask.tcp
    ? chain!.filters!.map(({ typed_config }) => typed_config)
    : (chain!.filters![0]!.typed_config as unknown as Manager).http_filters!.map(({ typed_config }) => typed_config);
  const metadata = { 'envoy.filters.http.jwt_authn': { payload: ask.claims } };
  return configs
    .filter((config) => config!['@type'].endsWith('.RBAC'))
    .every((config) => {
      const { rules } = config as unknown as Rbac;
      return !rules || judge(rules, call, metadata).allowed;
    });
}

function fieldsOf(policies: readonly AuthorizationPolicy[]): Set<string> {
  const rules = policies.flatMap(({ spec }) => spec?.rules ?? []);
  return new Set(
    rules.flatMap((rule) => {
      const { from, to, when } = clausesOf(rule);
      return [...from.flat(), ...to.flat(), ...when].map(fieldOf);
    }),
  );
}

/** The policy as it would be if it did not say this. */
function withoutField(policy: AuthorizationPolicy, field: string): AuthorizationPolicy {
  const dropped = <F extends object>(fields: F | undefined) => ({ ...fields, [field]: undefined });
  const [key, part] = field.split(' ');
  return {
    ...policy,
    spec: {
      ...policy.spec,
      rules: policy.spec?.rules?.map(({ from, to, when }) => ({
        from: from?.map(({ source }) => ({ source: dropped(source) })),
        to: to?.map(({ operation }) => ({ operation: dropped(operation) })),
        when: when?.map((condition) =>
          condition.key === key && part ? { ...condition, [part]: undefined } : condition,
        ),
      })),
    },
  };
}
