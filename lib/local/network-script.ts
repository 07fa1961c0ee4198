/** How the mesh's network is wired, as a shell script: a bridge, and for each pod a wire to it. Pure. */
import { redirectionRules } from '../injector';
import type { MeshPlan } from './plan';
import type { PodPlan } from './pod-plan';
import { serviceRules } from './services';

/**
 * The script runs in the bridge's network namespace and reaches each pod's by the process that holds it.
 *
 * Pods have routes to everything by the bridge, although it leads nowhere: the kernel looks for a route before it
 * redirects, and a destination that nobody has is refused at once instead of timing out.
 * @param holders pod id → id of a process in the pod's network namespace.
 */
export function networkScript(plan: MeshPlan, holders: ReadonlyMap<string, number>): string {
  const { bridge } = plan;
  const bits = plan.ranges.pods.split('/')[1];
  return [
    'set -eu',
    'ip link set lo up',
    'ip link add mesh type bridge forward_delay 0',
    `ip address add ${bridge}/${bits} dev mesh`,
    'ip link set mesh up',
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    ...plan.pods.flatMap((pod, i) => [
      `# ${pod.id}`,
      `ip link add pod${i} type veth peer name eth0 netns ${holders.get(pod.id)}`,
      `ip link set pod${i} master mesh up`,
      `nsenter --net=/proc/${holders.get(pod.id)}/ns/net sh -eu <<'IN_POD'`,
      'ip link set lo up',
      `ip address add ${pod.ip}/${bits} dev eth0`,
      'ip link set eth0 up',
      `ip route add default via ${bridge}`,
      // Containers may listen on any port (Kubernetes' runtimes set the same).
      'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start',
      ...rulesOf(pod, plan).flatMap((rules) => [
        "iptables-restore --noflush --wait 10 <<'RULES'",
        rules.trimEnd(),
        'RULES',
      ]),
      'IN_POD',
    ]),
    '',
  ].join('\n');
}

/** The proxy's rules come first: what they let through may still be for a Service's address. */
function rulesOf({ redirection }: PodPlan, { services }: MeshPlan): string[] {
  return [...(redirection ? [redirectionRules(redirection)] : []), serviceRules(services)];
}
