/**
 * What rules cost: requests through a real Envoy's inbound listener, in front of which stand 1, 100 and 1,000 ALLOW rules of
 * which only the last lets them pass, against one without rules. The listeners are asked in turn, so that whatever else
 * the machine does hits all of them alike.
 */
import { Agent, request } from 'node:http';
import type { Rule } from '../../../lib/api';
import type { KubeObject } from '../../../lib/api/object';
import { NAMESPACE, PolicedEnvoy } from '../../pilot/authorization/policed-envoy';
import { type Measurement, measured, type Part, percentile } from '../measurement';

const RULES = [0, 1, 100, 1000] as const;
const WARM_UP = 500;
const REQUESTS = 4000;

/** As programs write them: a caller, a method, a path. */
function rules(count: number): Rule[] {
  return Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1;
    return {
      ...(!isLast && { from: [{ source: { principals: [`cluster.local/ns/shop/sa/caller-${index}`] } }] }),
      to: [{ operation: { methods: ['GET'], paths: [isLast ? '/asked/*' : `/service-${index}/*`] } }],
    };
  });
}

function policy(count: number): KubeObject[] {
  if (count === 0) return [];
  const metadata = { name: 'rules', namespace: NAMESPACE };
  return [{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata, spec: { rules: rules(count) } }];
}

export const rbac: Part = {
  name: 'rbac',
  about: 'what 1, 100 and 1,000 authorization rules cost a request in real Envoy',
  async run(say) {
    say('starting Envoy');
    const envoy = await PolicedEnvoy.start(
      RULES.map((count) => () => policy(count)),
      { network: 76 },
    );
    const agents = RULES.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    const times = RULES.map((): number[] => []);
    try {
      for (let round = 0; round < WARM_UP + REQUESTS; round++) {
        for (const index of RULES.keys()) {
          const start = performance.now();
          await get(envoy.address(index), envoy.ports.http, agents[index]!);
          if (round >= WARM_UP) times[index]!.push(performance.now() - start);
        }
        if (round % 1000 === 0) say(`${round} rounds`);
      }
    } finally {
      for (const agent of agents) agent.destroy();
      await envoy.stop();
    }
    const [none] = times.map((each) => percentile(each, 0.5));
    return RULES.flatMap((count, index): Measurement[] => {
      const p50 = percentile(times[index]!, 0.5);
      const all = [measured('rbac', `${count} rules, p50`, p50 * 1000, 'µs')];
      return count === 0 ? all : [...all, measured('rbac', `${count} rules, added at p50`, (p50 - none!) * 1000, 'µs')];
    });
  },
};

function get(host: string, port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host, port, agent, path: '/asked/for' }, (response) => {
      response.resume();
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}, want 200`));
      response.on('end', resolve);
    })
      .on('error', reject)
      .end();
  });
}
