/** YAML of rows as objects. */
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../../lib/api/object';

/** @throws on YAML with errors. */
export function parsed(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml).map((document) => {
    if (!('toJS' in document) || document.errors.length > 0)
      throw new Error(`bad YAML: ${document.errors?.[0]?.message}`);
    return document.toJS() as KubeObject;
  });
}
