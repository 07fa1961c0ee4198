import { redirectionArgs, redirectionRules } from '../../lib/injector';

describe('the redirection rules', () => {
  test('capture all TCP but what Envoy answers, sends, or passes on', () => {
    expect(redirectionRules()).toBe(`*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -p tcp -j ISTIO_OUTPUT
COMMIT
`);
  });

  test('leave out ports and ranges that are excluded', () => {
    const rules = redirectionRules({
      excludeInboundPorts: [9187],
      excludeOutboundPorts: [25],
      excludeOutboundRanges: ['169.254.169.254/32', 'fd00::/8'],
    });
    expect(rules).toContain('-A ISTIO_INBOUND -p tcp --dport 9187 -j RETURN\n');
    expect(rules).toContain('-A ISTIO_OUTPUT -p tcp --dport 25 -j RETURN\n');
    expect(rules).toContain('-A ISTIO_OUTPUT -d 169.254.169.254/32 -j RETURN\n-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n');
    expect(rules).not.toContain('fd00');
  });

  test('capture only ports and ranges that are included', () => {
    const rules = redirectionRules({ includeInboundPorts: [8080], includeOutboundRanges: ['10.0.0.0/8'] });
    expect(rules).toContain('-A ISTIO_INBOUND -p tcp --dport 8080 -j ISTIO_IN_REDIRECT\n');
    expect(rules).not.toContain('-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\n');
    expect(rules).toContain('-A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT\n');
    expect(rules).not.toContain('-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n');
  });

  test('send questions for names to the proxy where it answers them, but not its own', () => {
    const rules = redirectionRules({ captureDns: true });
    expect(rules).toContain(
      '-A OUTPUT -p udp --dport 53 -m owner --uid-owner 1337 -j RETURN\n' +
        '-A OUTPUT -p udp --dport 53 -m owner --gid-owner 1337 -j RETURN\n' +
        '-A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 15053\nCOMMIT\n',
    );
    expect(redirectionRules()).not.toContain('udp');
    expect(redirectionArgs({ captureDns: true })).toContain('--capture-dns');
  });

  test('speak of IPv6 in the tables of IPv6', () => {
    const rules = redirectionRules({ family: 6, excludeOutboundRanges: ['169.254.169.254/32', 'fd00::/8'] });
    expect(rules).toContain('-A ISTIO_OUTPUT -d ::1/128 -j RETURN\n-A ISTIO_OUTPUT -d fd00::/8 -j RETURN\n');
    expect(rules).not.toMatch(/\d+\.\d+\.\d+\.\d+/);
  });

  test('travel as arguments of the init container', () => {
    expect(redirectionArgs({ excludeInboundPorts: [1, 2], excludeOutboundRanges: ['10.0.0.0/8'] })).toEqual([
      '--proxy-id',
      '1337',
      '--exclude-inbound-ports',
      '1,2',
      '--exclude-outbound-ranges',
      '10.0.0.0/8',
    ]);
  });
});
