// @ts-check
const { allow, definePlugin, deny } = require('malha/plugin');

/** Keep the parts that you need, and their capabilities: what is not declared is refused. */
module.exports = definePlugin({
  name: 'PLUGIN_NAME',
  apiVersion: 'v1',
  capabilities: {
    rules: { kinds: ['VirtualService'] },
    checks: { headers: ['x-team'] },
  },
  rules: [
    {
      name: 'has-owner',
      check: ({ metadata }) =>
        metadata.labels?.['owner'] ? [] : [{ level: 'warning', message: 'nobody owns it', path: 'metadata.labels' }],
    },
  ],
  checks: [
    {
      name: 'names-a-team',
      check: ({ headers }) => (headers['x-team'] ? allow() : deny('no team is named')),
    },
  ],
});
