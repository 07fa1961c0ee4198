/** What Envoy's TLS library knows of ciphers and curves: it refuses a whole listener or cluster for a name that it does not. */

/** Suites up to TLS 1.2; those of 1.3 cannot be chosen. */
const CIPHERS: ReadonlySet<string> = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-PSK-AES128-CBC-SHA',
  'ECDHE-PSK-AES256-CBC-SHA',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'PSK-AES128-CBC-SHA',
  'PSK-AES256-CBC-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

const CURVES: ReadonlySet<string> = new Set(['X25519', 'P-256', 'P-384', 'P-521', 'X25519MLKEM768']);

/** An entry of `cipherSuites` of which Envoy knows every name: a suite, or an expression such as `-A` or `[A|B]`. */
export function isKnownCipher(suite: string): boolean {
  const names = suite
    .replace(/^[-+!]/, '')
    .replace(/^\[|\]$/g, '')
    .split('|');
  return names.every((name) => name === 'ALL' || CIPHERS.has(name));
}

export function isKnownCurve(curve: string): boolean {
  return CURVES.has(curve);
}
