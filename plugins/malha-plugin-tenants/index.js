// @ts-check
/** An authorization check: a caller speaks for the tenant of its own namespace, `tenant-NAME`, and for no other. */
const { allow, definePlugin, deny } = require('malha/plugin');

module.exports = definePlugin({
  name: 'malha-plugin-tenants',
  apiVersion: 'v1',
  capabilities: { checks: { headers: ['x-tenant'], adds: ['x-tenant-verified'] } },
  checks: [
    {
      name: 'own-tenant',
      check: ({ caller, headers }) => {
        if (!caller) return deny('the caller has not proven who it is');
        const tenant = headers['x-tenant'];
        if (!tenant) return deny('no tenant is named', 400);
        return caller.namespace === `tenant-${tenant}`
          ? allow({ 'x-tenant-verified': tenant })
          : deny(`namespace ${caller.namespace} does not speak for this tenant`);
      },
    },
  ],
});
