/** A Grafana with the mesh's Prometheus as its source, and the dashboards of the mesh. Whoever reaches it may look, nobody may edit. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import { GRAFANA_IMAGE } from '../images';
import { PROMETHEUS_SOURCE } from './dashboard';
import { type MeshGraph, meshDashboards } from './mesh-dashboards';
import type { Prometheus } from './prometheus';
import { server } from './server';

const PORT = 3000;
const DASHBOARDS = '/etc/grafana/dashboards';

/** The Grafana of the mesh. Made by `Mesh` for `Monitoring.bundled()`. */
export class Grafana extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { namespace: string; prometheus: Prometheus; graph: () => MeshGraph },
  ) {
    super(scope, id);
    server(this, {
      namespace: props.namespace,
      name: 'grafana',
      image: GRAFANA_IMAGE,
      user: 472,
      env: {
        GF_PATHS_PROVISIONING: '/etc/grafana/provisioning',
        // Without a login there is no password to ship, and a viewer can change nothing.
        GF_AUTH_ANONYMOUS_ENABLED: 'true',
        GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
        GF_AUTH_DISABLE_LOGIN_FORM: 'true',
        GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
        GF_ANALYTICS_REPORTING_ENABLED: 'false',
        GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
        GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
        GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      },
      services: { grafana: [{ name: 'http', number: PORT, protocol: 'http' }] },
      ready: { path: '/api/health', port: PORT },
      configs: {
        'grafana-datasources': {
          folder: '/etc/grafana/provisioning/datasources',
          files: () => ({ 'prometheus.yaml': stringify(datasources(props.prometheus.url)) }),
        },
        'grafana-provider': {
          folder: '/etc/grafana/provisioning/dashboards',
          files: () => ({ 'mesh.yaml': stringify(dashboardProvider) }),
        },
        'grafana-dashboards': {
          folder: DASHBOARDS,
          files: () => dashboardFiles(props.graph()),
        },
      },
      writable: ['/var/lib/grafana', '/tmp'],
      cpuMillis: 100,
      memory: Size.mebibytes(512),
    });
  }
}

/** @internal */
export function dashboardFiles(graph: MeshGraph): Record<string, string> {
  const entries = Object.entries(meshDashboards(graph));
  return Object.fromEntries(entries.map(([file, dashboard]) => [file, `${JSON.stringify(dashboard, null, 2)}\n`]));
}

function datasources(url: string): object {
  return {
    apiVersion: 1,
    datasources: [
      {
        name: 'Prometheus',
        uid: PROMETHEUS_SOURCE.uid,
        type: 'prometheus',
        access: 'proxy',
        url,
        isDefault: true,
        editable: false,
      },
    ],
  };
}

const dashboardProvider = {
  apiVersion: 1,
  providers: [{ name: 'malha', folder: 'Malha', type: 'file', allowUiUpdates: false, options: { path: DASHBOARDS } }],
};
