import { catalogue } from './catalogue';
import type { Finding } from './finding';

/** What the translator could not make of objects, as a finding: a mistake of the control plane's own. */
export function notTranslated({ name, error }: { readonly name: string; readonly error: Error }): Finding {
  const { level, fix } = catalogue.MAL0016;
  return { code: 'MAL0016', level, analyzer: 'translation', resource: name, message: error.message, fix };
}
