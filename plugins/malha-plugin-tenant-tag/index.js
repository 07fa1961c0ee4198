// @ts-check
/** A telemetry tag: metrics and spans by the tenant that `malha-plugin-tenants` has verified, so that no client makes a series. */
const { definePlugin } = require('malha/plugin');

module.exports = definePlugin({
  name: 'malha-plugin-tenant-tag',
  apiVersion: 'v1',
  capabilities: { tags: { names: ['tenant'] } },
  tags: [
    {
      name: 'tenant',
      metrics: "request.headers['x-tenant-verified']",
      spans: { header: 'x-tenant-verified', defaultValue: 'none' },
    },
  ],
});
