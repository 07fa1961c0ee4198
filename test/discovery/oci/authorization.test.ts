/** A registry that asks who asks is told so, as its repositories want it; nobody else is. */
import { type PullRequest, pull } from '../../../lib/discovery/oci/pull';
import { parseReference } from '../../../lib/world';
import { ADDS_HEADER } from '../../pilot/patch/wasm-modules';
import { asArtifact, FakeRegistry } from './fake-registry';

const REPOSITORY = 'private/header';
const credentials = { username: 'shop', password: 's3cret-word' };

let registry: FakeRegistry;
beforeEach(async () => {
  registry = await new FakeRegistry().start();
  registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
});
afterEach(() => registry.stop());

const guarded = (kind: 'bearer' | 'basic') =>
  registry.guards.set(REPOSITORY, { kind, user: credentials.username, password: credentials.password });
const ask = (more: Partial<PullRequest> = {}) =>
  pull({
    reference: parseReference(`${registry.name}/${REPOSITORY}:v1`),
    registry: registry.options,
    credentials,
    ...more,
  });
const failure = async (more: Partial<PullRequest> = {}) => {
  const error = await ask(more).then(
    () => new Error('it does not fail'),
    (failed: Error) => failed,
  );
  expect(error.message).not.toContain(credentials.password);
  expect(error.message).not.toContain(Buffer.from(`shop:${credentials.password}`).toString('base64'));
  return error.message;
};
const to = (host: string) => registry.asked.filter((each) => each.includes(` ${host}/`));

test('a token is asked for once, to read the one repository', async () => {
  guarded('bearer');
  await ask();
  expect(
    registry.asked.map((each) =>
      each
        .replace(/%3A/g, ':')
        .replace(/%2F/g, '/')
        .replace(/sha256:\w+/, 'DIGEST'),
    ),
  ).toEqual([
    'GET registry.example.com/v2/private/header/manifests/v1',
    'GET registry.example.com/token?service=registry&scope=repository:private/header:pull by Basic',
    'GET registry.example.com/v2/private/header/manifests/v1 by Bearer',
    'GET registry.example.com/v2/private/header/blobs/DIGEST by Bearer',
  ]);
});

test('name and password are given where the registry asks for them', async () => {
  guarded('basic');
  await ask();
  expect(registry.asked.at(-1)).toMatch(/ by Basic$/);
});

test('a token for nobody is enough where anybody may read', async () => {
  registry.guards.set(REPOSITORY, { kind: 'bearer', user: '', password: '' });
  registry.isOpen = true;
  await ask({ credentials: undefined });
  expect(registry.asked.at(-1)).toMatch(/ by Bearer$/);
  expect(registry.asked.filter((each) => each.includes('by Basic'))).toEqual([]);
});

test.each(['bearer', 'basic'] as const)(
  'without credentials, or with wrong ones, nothing is read: %s',
  async (kind) => {
    guarded(kind);
    expect(await failure({ credentials: undefined })).toMatch(/set imagePullSecret|gives no token/);
    expect(await failure({ credentials: { username: 'shop', password: 'wrong' } })).toMatch(
      /with the credentials of the Secret|gives no token/,
    );
  },
);

test.each([
  ['what is no URL', 'Bearer realm="no url"', 'what is no URL'],
  ['a place without TLS', 'Bearer realm="http://tokens.example.com/"', 'not asked without TLS'],
  ['a metadata service', 'Bearer realm="https://169.254.169.254/"', 'metadata service'],
  ['nowhere', 'Negotiate', 'with the credentials of the Secret'],
])('credentials are not given to %s', async (_, challenge, problem) => {
  registry.answer = (_request, response) => Boolean(response.writeHead(401, { 'www-authenticate': challenge }).end());
  const isForbidden = (host: string) => host.startsWith('169.254.');
  expect(await failure({ registry: { ...registry.options, isForbidden } })).toContain(problem);
  expect(registry.asked.filter((each) => each.includes(' by '))).toEqual([]);
});

test.each(['{}', 'no json', '{"token":""}', '{"token":"a\\nb"}', '{"token":7}', 'null'])(
  'an answer %p is no token',
  async (answer) => {
    guarded('bearer');
    registry.answer = ({ url }, response) => {
      if (!url!.startsWith('/token')) return false;
      response.end(answer);
      return true;
    };
    expect(await failure()).toContain('gives no token');
  },
);

describe('a redirect', () => {
  const leads = (location: string, path = '/blobs/') => {
    registry.answer = ({ url, headers }, response) => {
      if (!url!.includes(path) || headers.host!.startsWith('elsewhere')) return false;
      response.writeHead(307, { location }).end();
      return true;
    };
  };

  test('to where the registry keeps its layers is followed, and nobody there learns who asks', async () => {
    guarded('bearer');
    registry.elsewhere = ADDS_HEADER;
    leads(`https://elsewhere.example.com:${registry.port}/blob?signed=1`);
    await ask();
    expect(to('elsewhere.example.com')).toEqual(['GET elsewhere.example.com/blob?signed=1']);
  });

  test('whose place asks who asks is told nothing', async () => {
    guarded('basic');
    leads(`https://elsewhere.example.com:${registry.port}/blob`);
    registry.elsewhere = 401;
    expect(await failure()).toContain('elsewhere.example.com');
    expect(to('elsewhere.example.com').filter((each) => each.includes(' by '))).toEqual([]);
  });

  test.each([
    ['without TLS', 'http://elsewhere.example.com/blob', 'not asked without TLS'],
    ['to a metadata service', 'https://169.254.169.254/blob', 'metadata service'],
    ['to a file', 'file:///etc/passwd', 'not asked without TLS'],
    ['to nowhere', 'https://', 'no URL'],
  ])('%s is not followed', async (_, location, problem) => {
    leads(location);
    const isForbidden = (host: string) => host.startsWith('169.254.');
    expect(await failure({ registry: { ...registry.options, isForbidden } })).toContain(problem);
  });

  test('without end is followed three times', async () => {
    leads('/v2/private/header/blobs/again');
    expect(await failure()).toContain('more than 3 times');
  });
});

test('a registry that was declared insecure is asked without TLS, and no other', async () => {
  const plain = await new FakeRegistry().start({ isPlain: true });
  try {
    plain.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    const reference = parseReference(`127.0.0.1:${plain.port}/${REPOSITORY}:v1`);
    await expect(pull({ reference, registry: { insecure: ['127.0.0.1:1'] } })).rejects.toThrow('metadata service');
    await expect(pull({ reference, registry: { insecure: [`127.0.0.1:${plain.port}`] } })).resolves.toBeDefined();
  } finally {
    await plain.stop();
  }
});
