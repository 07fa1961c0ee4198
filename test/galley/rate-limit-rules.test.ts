/** The rules of RateLimit: what is accepted, and what is refused at which place and in which words. */
import { validate } from '../../lib/galley';
import { object } from './objects';

const limit = { requests: 10, per: 'minute' };
const errors = (spec: object) =>
  validate(object('malha.dev/v1alpha1', 'RateLimit', 'a', spec))
    .filter(({ level }) => level === 'error')
    .map(({ path, message }) => `${path}: ${message}`);
const ofRule = (rule: object) => errors({ rules: [{ limit, ...rule }] });

describe('a RateLimit', () => {
  it('needs no more than one rule with a limit', () => {
    expect(errors({ rules: [{ limit }] })).toEqual([]);
    expect(errors({})).toEqual([expect.stringContaining('spec.rules')]);
    expect(errors({ rules: [] })).toEqual([expect.stringContaining('spec.rules')]);
  });

  it('says what happens while nobody can count, where others count', () => {
    expect(errors({ mode: 'global', rules: [{ limit }] })).toEqual([
      'spec.onUnavailable: onUnavailable is missing, mode: global needs it',
    ]);
    expect(errors({ mode: 'global', onUnavailable: 'deny', timeout: '50ms', rules: [{ limit }] })).toEqual([]);
    expect(errors({ onUnavailable: 'deny', timeout: '50ms', rules: [{ limit }] })).toEqual([
      'spec.onUnavailable: onUnavailable is only for mode: global, a proxy by itself can always count',
      'spec.timeout: timeout is only for mode: global',
    ]);
  });

  it('has a burst only where proxies count by themselves', () => {
    const rules = [{ limit: { ...limit, burst: 5 } }];
    expect(errors({ rules })).toEqual([]);
    expect(errors({ mode: 'global', onUnavailable: 'allow', rules })).toEqual([
      'spec.rules[0].limit.burst: burst is only for mode: local',
    ]);
  });

  it.each<[string, object, string[]]>([
    ['a path', { path: { exact: '/a' } }, []],
    ['a path with a query', { path: { prefix: '/a?b' } }, ['path: a path is compared without its query, got "/a?b"']],
    ['a path that begins nowhere', { path: { exact: 'a' } }, ['path: a path begins with /, got "a"']],
    ['no path', { path: {} }, ['path: a path has one of exact, prefix, regex, got none']],
    ['what is no regular expression', { path: { regex: '(' } }, [expect.stringContaining('path.regex: ')]],
    ['nothing', {}, [': a match has one of path, methods, headers, ports, got none']],
    ['no method', { methods: [] }, ['methods: methods must not be an empty list']],
    [
      'a small method',
      { methods: ['get'] },
      ['methods[0]: a method is written in capital letters, as in GET, got "get"'],
    ],
    ['a header', { headers: { 'x-a': { exact: '1' }, 'x-b': {} } }, []],
    ['what is no header', { headers: { 'x a': {} } }, ['headers["x a"]: "x a" is not the name of a header']],
    ['port 0', { ports: [0] }, [expect.stringContaining('ports[0]: ')]],
  ])('matches %s', (_what, match, expected) => {
    const place = (text: string) =>
      text.startsWith(':') ? `spec.rules[0].match${text}` : `spec.rules[0].match.${text}`;
    expect(ofRule({ match })).toEqual(expected.map((each) => (typeof each === 'string' ? place(each) : each)));
  });

  it('counts by a header that it names, and names none otherwise', () => {
    expect(ofRule({ key: { by: 'header', header: 'x-user' } })).toEqual([]);
    expect(ofRule({ key: { by: 'header' } })).toEqual([
      'spec.rules[0].key.header: header is missing, by: header needs it',
    ]);
    expect(ofRule({ key: { by: 'header', header: ':path' } })).toEqual([
      'spec.rules[0].key.header: ":path" is not the name of a header',
    ]);
    expect(ofRule({ key: { by: 'caller', header: 'x-user' } })).toEqual([
      'spec.rules[0].key.header: header is only for by: header, got by: caller',
    ]);
  });

  it('holds for workloads by a selector, or for gateways by name', () => {
    const targetRefs = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }];
    expect(errors({ targetRefs, rules: [{ limit }] })).toEqual([]);
    expect(errors({ targetRefs: [{ kind: 'Service', name: 'a' }], rules: [{ limit }] })).toEqual([
      expect.stringContaining('a rate limit holds for one of'),
    ]);
    expect(errors({ targetRefs, selector: { matchLabels: { app: 'a' } }, rules: [{ limit }] })).toHaveLength(1);
  });
});
