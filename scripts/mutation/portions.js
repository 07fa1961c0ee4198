/**
 * What is mutated: rooms without I/O in which a check that breaks unseen is a hole or a wrong verdict, each with the tests
 * that stand over it and need no Envoy. A portion takes some minutes of one processor.
 */
module.exports = {
  identity: { mutate: ['lib/world/identity.ts'], tests: ['test/world/identity.test.ts'] },
  csr: {
    mutate: ['lib/citadel/csr.ts', 'lib/citadel/der.ts'],
    tests: ['test/citadel/csr.test.ts', 'test/citadel/peer-certificate.test.ts'],
  },
  tokens: {
    mutate: [
      'lib/citadel/jwt.ts',
      'lib/citadel/jwks-token-reviewer.ts',
      'lib/citadel/cluster-token-reviewer.ts',
      'lib/citadel/peer-certificate.ts',
      'lib/world/key-set.ts',
    ],
    tests: [
      'test/citadel/token-reviewer.test.ts',
      'test/citadel/peer-certificate.test.ts',
      'test/galley/rules.test.ts',
    ],
  },
  proxies: {
    mutate: ['lib/world/proven-proxy.ts', 'lib/world/host-ownership.ts', 'lib/world/forbidden-host.ts'],
    tests: ['test/world/*.test.ts'],
  },
};
