// @ts-check
/** A patch of translated resources: idle connections to services are asked whether they are still there. */
const { definePlugin } = require('malha/plugin');

module.exports = definePlugin({
  name: 'malha-plugin-keepalive',
  apiVersion: 'v1',
  capabilities: { patches: { resources: ['cluster'] } },
  patches: [
    {
      name: 'idle-connections',
      resource: 'cluster',
      change: (cluster) =>
        cluster.name?.startsWith('outbound|')
          ? {
              ...cluster,
              upstream_connection_options: {
                ...cluster.upstream_connection_options,
                tcp_keepalive: { keepalive_time: 60, keepalive_interval: 10, keepalive_probes: 3 },
              },
            }
          : undefined,
    },
  ],
});
