/** A part of the README that is made: what stands between two marks, which are part of it. */

export interface Marks {
  readonly begin: string;
  readonly end: string;
}

/** `readme` with this text in place of what is between the marks. @throws when it has no place for it. */
export function withBlock(readme: string, { begin, end }: Marks, text: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no '${begin}' with '${end}' behind it`);
  return readme.slice(0, from) + text + readme.slice(to + end.length);
}
