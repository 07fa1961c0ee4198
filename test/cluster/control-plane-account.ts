/** The ServiceAccount of a control plane, with the rights that the manifests of a mesh give it and no more. */
import { Testing } from 'cdk8s';
import { ServiceAccount } from 'cdk8s-plus-27';
import { controlPlaneAccess } from '../../constructs/control-plane-access';
import type { KubeObject } from '../../lib/api/object';
import { apply } from './cluster';

export function allowControlPlane(namespace: string): void {
  const chart = Testing.chart();
  const metadata = { name: 'malha-control-plane', namespace };
  controlPlaneAccess(chart, new ServiceAccount(chart, 'account', { metadata }), namespace);
  const items = Testing.synth(chart) as KubeObject[];
  apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}
