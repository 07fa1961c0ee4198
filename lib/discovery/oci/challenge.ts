/** What a registry asks for: the header WWW-Authenticate (RFC 9110, section 11.6.1). */

export interface Challenge {
  /** In lower case: `bearer` or `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const MAX_LENGTH = 4096;
const MAX_PARAMETERS = 16;

/** The challenges in a header, in order; none where it is too long or is no list of challenges. Time is linear in its length. */
export function parseChallenges(header: string): Challenge[] {
  if (header.length > MAX_LENGTH) return [];
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  // A parameter, or the name of a scheme; commas and spaces between them are skipped.
  const token = /[\s,]*(?:([A-Za-z0-9._~+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))|([A-Za-z][A-Za-z0-9._~+-]*))/y;
  let end = 0;
  for (let part = token.exec(header); part; part = token.exec(header)) {
    end = token.lastIndex;
    const [, name, quoted, plain, scheme] = part;
    if (scheme !== undefined) {
      found.push({ scheme: scheme.toLowerCase(), parameters: Object.create(null) });
      continue;
    }
    const last = found.at(-1);
    if (!last || Object.keys(last.parameters).length >= MAX_PARAMETERS) return [];
    last.parameters[name!.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain!;
  }
  return header.slice(end).trim().replace(/,/g, '') === '' ? found : [];
}
