// @ts-check
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { PluginTest } = require('malha/plugin/testing');

const plugin = new PluginTest(require('./index.js'));

test('an object without an owner is found', () => {
  const object = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'a', namespace: 'b' },
  };
  assert.deepEqual(
    plugin.findings(object).map(({ message }) => message),
    ['nobody owns it'],
  );
});

test('a request that names no team is refused', async () => {
  assert.equal((await plugin.decision()).outcome, 'denied');
  assert.equal((await plugin.decision({ headers: { 'x-team': 'red' } })).outcome, 'allowed');
});
