/** What the conversion asks of the other objects of the World. */
import type { ConfigMap, Service as KubeService, Secret } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import type { Grants } from './grants';

export interface Lookup {
  readonly grants: Grants;
  service(namespace: string, name: string): KubeService | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  namespace(name: string): KubeObject | undefined;
}
