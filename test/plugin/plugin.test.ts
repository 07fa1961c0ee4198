/** What is taken for a plugin, and what is refused with which words. */
import { allow, type Capabilities, definePlugin } from '../../constructs/plugin';
import { pluginFrom } from '../../lib/plugin';

const check = { name: 'yes', check: () => allow() };
const right = { name: '@shop/tenants', apiVersion: 'v1', capabilities: { checks: {} }, checks: [check] } as const;

/** As somebody without TypeScript would write it. */
function complaintAbout(change: object): string {
  try {
    definePlugin({ ...right, ...change } as never);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
}

describe('a plugin', () => {
  test('is taken with what it declares, and cannot be changed later', () => {
    const plugin = definePlugin(right);
    expect(plugin).toMatchObject({ name: '@shop/tenants', apiVersion: 'v1' });
    expect(Object.isFrozen(plugin)).toBe(true);
  });

  test('for another version of the API is refused, whatever else it holds', () => {
    expect(complaintAbout({ apiVersion: 'v2', capabilities: { telepathy: {} } })).toBe(
      'plugin @shop/tenants: it is written for plugin API "v2"; this version of Malha has v1: ' +
        'install a version of the plugin, or of malha, that fits',
    );
  });

  test.each<[string, object, string]>([
    [
      'a part without its capability',
      { capabilities: {} },
      'it has checks without the capability; declare capabilities.checks',
    ],
    ['a capability without its part', { checks: undefined }, 'it declares the capability checks and has no checks'],
    ['a capability that there is not', { capabilities: { checks: {}, files: {} } }, "there is no capability 'files'"],
    ['a header that cannot be one', { capabilities: { checks: { headers: [':path'] } } }, 'none that starts with :'],
    ['a header in capitals', { capabilities: { checks: { headers: ['X-Tenant'] } } }, 'in lower case'],
    [
      'a list that is none',
      { capabilities: { checks: { headers: 'x-tenant' } } },
      'capabilities.checks.headers has to list',
    ],
    ['a name that no package has', { name: '../x' }, 'name has to be the name of its package'],
    ['a field that there is not', { postinstall: 'rm' }, "a plugin has no 'postinstall'"],
    ['a check that is no function', { checks: [{ name: 'x' }] }, 'checks[0].check has to be a function'],
    ['an empty part', { checks: [] }, 'checks has to be a list that holds something'],
    [
      'a patch of what it has not declared',
      {
        capabilities: { checks: {}, patches: { resources: ['cluster'] } },
        patches: [{ name: 'a', resource: 'listener', change: () => undefined }],
      },
      'the resource "listener" is not among capabilities.patches.resources',
    ],
    [
      'a tag that it has not declared',
      { capabilities: { checks: {}, tags: { names: ['a'] } }, tags: [{ name: 'b' }] },
      'the tag "b" is not among capabilities.tags.names',
    ],
  ])('with %s is refused', (_, change, complaint) => {
    expect(complaintAbout(change)).toContain(complaint);
  });

  test('tells all that is wrong at once', () => {
    const capabilities = { checks: {}, rules: { kinds: ['*'] } } as Capabilities;
    expect(complaintAbout({ name: '', capabilities, extra: 1 })).toMatch(
      /name has to be the name.*a plugin has no 'extra'.*capabilities\.rules\.kinds has to list/,
    );
  });
});

describe('what a package exports', () => {
  test('is a plugin as itself and as default', () => {
    const plugin = definePlugin(right);
    expect(pluginFrom(plugin, 'x')).toBe(plugin);
    expect(pluginFrom({ default: plugin }, 'x')).toBe(plugin);
  });

  test.each([undefined, null, 'text', () => right, { ...right }, { default: {} }])('is none: %p', (exported) => {
    expect(() => pluginFrom(exported, 'x')).toThrow('x exports no plugin; export definePlugin');
  });

  test('is looked at again, since it may come from another copy of malha', () => {
    const other = { ...definePlugin(right), apiVersion: 'v9' };
    expect(() => pluginFrom(other, 'x')).toThrow('plugin x: it is written for plugin API "v9"');
  });
});
