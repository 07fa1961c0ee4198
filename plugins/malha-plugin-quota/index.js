// @ts-check
/** A construct: how much the system namespace may take. */
const { ApiObject } = require('cdk8s');
const { definePlugin } = require('malha/plugin');

module.exports = definePlugin({
  name: 'malha-plugin-quota',
  apiVersion: 'v1',
  capabilities: { construct: { kinds: ['ResourceQuota'] } },
  construct: ({ scope, mesh }) => {
    new ApiObject(scope, 'quota', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'mesh', namespace: mesh.namespace },
      spec: { hard: { pods: '20', 'requests.memory': '8Gi' } },
    });
  },
});
