/** How one string is compared: exactly, by its beginning, or by a regular expression. */
import { message, type Static, text } from '../schema';

export const StringMatch = message(
  {
    exact: text('The whole string, case-sensitive.'),
    prefix: text('The beginning of the string, case-sensitive.'),
    regex: text('A regular expression in RE2 syntax that the whole string has to match.', { maxLength: 1024 }),
  },
  { description: 'Compares a string; set exactly one of the fields.', exclusive: [['exact', 'prefix', 'regex']] },
);
export type StringMatch = Static<typeof StringMatch>;
