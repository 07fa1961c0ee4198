/** The namespaces of the mesh, with the labels by which a cluster knows what may run in them. */
import { ApiObject, type Chart } from 'cdk8s';
import { Namespace } from 'cdk8s-plus-27';
import { meshLabel } from '../lib/api/ownership';
import { onRendered } from './rendered';

/** Nothing of ours in the system namespace needs a privilege, so none is allowed there. */
export function systemNamespace(chart: Chart, name: string): void {
  namespace(chart, name, {
    ...meshLabel(name),
    'pod-security.kubernetes.io/enforce': 'restricted',
    // The control plane is no member of the mesh that it programs.
    'istio-injection': 'disabled',
  });
}

/** Pods that are created here by other means than this program get their sidecar at admission, from whom the labels ask for. */
export function memberNamespace(chart: Chart, name: string, labels: () => Record<string, string>): void {
  onRendered(ApiObject.of(namespace(chart, name, {})), (rendered) => ({
    ...rendered,
    metadata: { ...rendered.metadata, labels: { ...rendered.metadata.labels, ...labels() } },
  }));
}

function namespace(chart: Chart, name: string, labels: Record<string, string>): Namespace {
  return new Namespace(chart, name, { metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } });
}
