/** The value of a tag, as the Telemetry API writes it in CEL, as a format of Envoy's access logs. */
import { judgeTagValue } from '../api';

const HEADER_NAME = /^[A-Za-z0-9!#$&'*+.^_`|~-]+$/;

/**
 * What a command operator says is not asked of CEL, which costs more. Empty: no such tag. Undefined: it cannot be
 * served, which Galley has said.
 */
export function celFormat(expression: string): string | undefined {
  const verdict = judgeTagValue(expression);
  if (verdict.kind !== 'served') return undefined;
  const { root, text } = verdict;
  if (root.kind === 'string') return root.text.replaceAll('%', '%%');
  const [of, name] = root.parts;
  if (root.kind === 'select' && of?.kind === 'name' && of.text === 'request') {
    if (root.text === 'host') return '%REQ(:AUTHORITY)%';
    if (root.text === 'method') return '%REQ(:METHOD)%';
  }
  const ofHeaders = of?.kind === 'select' && of.text === 'headers' ? of.parts[0] : undefined;
  if (root.kind === 'index' && ofHeaders?.kind === 'name' && name?.kind === 'string' && HEADER_NAME.test(name.text)) {
    if (ofHeaders.text === 'request') return `%REQ(${name.text})%`;
    if (ofHeaders.text === 'response') return `%RESP(${name.text})%`;
  }
  return `%CEL(${text})%`;
}
