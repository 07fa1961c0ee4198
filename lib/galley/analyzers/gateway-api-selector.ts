/** Proxies of the Gateway API's gateways are meant by targetRefs; selectors do not hold for them. */
import { WasmPlugin } from '../../api/extensions/wasm-plugin';
import type { KubeObject } from '../../api/object';
import { AuthorizationPolicy } from '../../api/security/authorization-policy';
import { RequestAuthentication } from '../../api/security/request-authentication';
import type { PolicyTargetReference, WorkloadSelector } from '../../api/selector';
import { Telemetry } from '../../api/telemetry/telemetry';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { namespaceOf } from './names';

const NAME = 'k8sgateway.SelectorAnalyzer';
const GATEWAY = 'gateway.networking.k8s.io/gateway-name';

interface Policy {
  selector?: WorkloadSelector;
  targetRef?: PolicyTargetReference;
  targetRefs?: PolicyTargetReference[];
}

export function gatewayApiSelector(analysis: Analysis): Finding[] {
  return [AuthorizationPolicy, RequestAuthentication, Telemetry, WasmPlugin].flatMap((kind) =>
    analysis.of<KubeObject<Policy>>(kind).flatMap((policy) => {
      const { selector, targetRef, targetRefs } = policy.spec ?? {};
      if (!selector || targetRef || targetRefs?.length) {
        return [];
      }
      const gateways = analysis.workloads
        .matching(selector.matchLabels, namespaceOf(policy))
        .flatMap(({ labels }) => labels[GATEWAY] ?? []);
      return [...new Set(gateways)].map((gateway) => {
        const message = `the selector does not hold for the proxies of the gateway ${gateway}`;
        return findingAbout(policy, 'IST0166', NAME, { path: 'spec.selector', message });
      });
    }),
  );
}
