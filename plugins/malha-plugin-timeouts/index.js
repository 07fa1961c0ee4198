// @ts-check
/** A rule of Galley: every route of a VirtualService says how long a request may take. */
const { definePlugin } = require('malha/plugin');

module.exports = definePlugin({
  name: 'malha-plugin-timeouts',
  apiVersion: 'v1',
  capabilities: { rules: { kinds: ['VirtualService'] } },
  rules: [
    {
      name: 'every-route-ends',
      check: ({ spec }) => {
        const { http = [] } = /** @type {{ http?: { timeout?: string }[] }} */ (spec ?? {});
        return http.flatMap(({ timeout }, index) =>
          timeout
            ? []
            : [
                {
                  message: 'the route has no timeout',
                  path: `spec.http[${index}]`,
                  fix: 'say timeout: 5s, or what fits',
                },
              ],
        );
      },
    },
  ],
});
