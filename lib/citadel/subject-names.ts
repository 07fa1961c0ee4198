/** Whom a certificate speaks for: the subject alternative names, checked and in DER (RFC 5280, section 4.2.1.6). */
import { isIP, isIPv4 } from 'node:net';
import { formatIdentity, type Identity } from '../world';
import { sequence, tlv } from './der';

/** At least one name. */
export interface SubjectNames {
  /** Host names, also `*.example.com`, and IP addresses. */
  readonly hosts?: readonly string[];
  /** The workload; a certificate has at most one SPIFFE id (X.509-SVID, section 2). */
  readonly identity?: Identity;
}

/** A DNS name, whose first label may be `*`. */
const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Context-specific tags of GeneralName. */
const TAG = { dns: 0x82, uri: 0x86, ip: 0x87 } as const;

/** GeneralNames. @throws Error when there is no name, or a name is not one. */
export function generalNames({ hosts = [], identity }: SubjectNames): Buffer {
  if (hosts.length === 0 && !identity) {
    throw new Error('a certificate needs a name: give at least one host or an identity');
  }
  const names = identity ? [tlv(TAG.uri, Buffer.from(formatIdentity(identity), 'latin1'))] : [];
  for (const host of new Set(hosts)) {
    if (isIP(host)) names.push(tlv(TAG.ip, addressBytes(host)));
    else if (HOST.test(host) && host.length <= 253) names.push(tlv(TAG.dns, Buffer.from(host, 'latin1')));
    else {
      throw new Error(
        `host ${JSON.stringify(host.slice(0, 120))} cannot be in a certificate: use a lower-case DNS name, "*." before one, or an IP address`,
      );
    }
  }
  return sequence(...names);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // The URL parser knows all spellings of IPv6 and writes one, with at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const before = words(head);
  const after = words(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const bytes = Buffer.alloc(16);
  [...before, ...Array<number>(zeros).fill(0), ...after].forEach((word, at) => void bytes.writeUInt16BE(word, 2 * at));
  return bytes;
}
