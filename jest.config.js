/**
 * Three projects: `fast` is `npm test`; `slow` holds properties, fault drills and everything that needs scripts/setup;
 * `cluster` runs against a real Kubernetes API (test/cluster).
 */
const swc = ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }];

/** Packages that come as ES modules only. */
const ES_MODULES = '(@kubernetes/client-node|openid-client|jose|oauth4webapi|jsonpath-plus|rfc4648)';

/** On a user's cluster only the tests run that say they may. */
const onClusterOf = process.env.MALHA_TEST_CONTEXT;

const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': swc, [`/node_modules/${ES_MODULES}/.+\\.js$`]: swc },
  transformIgnorePatterns: [`/node_modules/(?!${ES_MODULES}/)`],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/manifests'],
  // A snapshot is one readable YAML document per object (test/yaml-snapshot.ts says how).
};

module.exports = {
  // Jest knows this one only for all projects together.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'fast',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.slow\\.test\\.ts$', '<rootDir>/test/cluster/'],
    },
    { ...shared, displayName: 'slow', testMatch: ['<rootDir>/test/**/*.slow.test.ts'] },
    {
      ...shared,
      displayName: 'cluster',
      testMatch: [`<rootDir>/test/cluster/**/*${onClusterOf ? '.portable' : ''}.test.ts`],
      globalSetup: '<rootDir>/test/cluster/global-setup.ts',
      globalTeardown: '<rootDir>/test/cluster/global-teardown.ts',
    },
  ],
};
