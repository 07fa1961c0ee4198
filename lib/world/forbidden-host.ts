/**
 * Hosts that no proxy fetches anything from on a policy's word: the machine itself and the services of clouds that
 * hand out credentials to whoever asks from inside.
 */
import { BlockList, isIP } from 'node:net';

const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('0.0.0.0', 8);
FORBIDDEN.addSubnet('127.0.0.0', 8);
// Link-local, and with it the metadata services at 169.254.169.254 and 169.254.170.2.
FORBIDDEN.addSubnet('169.254.0.0', 16);
FORBIDDEN.addAddress('100.100.100.200');
FORBIDDEN.addAddress('168.63.129.16');
FORBIDDEN.addSubnet('::', 127, 'ipv6');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6');

const FORBIDDEN_NAMES =
  /^(localhost|.*\.localhost|localhost\.localdomain|metadata|metadata\.google\.internal|instance-data(\..*)?)$/;

/** @param host of a URL as the WHATWG parser gives it: lower case, with IPv4 in its four parts and IPv6 in brackets. */
export function isForbiddenHost(host: string): boolean {
  const name = host.replace(/^\[|\]$|\.$/g, '');
  switch (isIP(name)) {
    case 4:
      return FORBIDDEN.check(name);
    case 6:
      // `check` looks at the IPv4 address in a mapped one, too.
      return FORBIDDEN.check(name, 'ipv6');
    default:
      return FORBIDDEN_NAMES.test(name);
  }
}
