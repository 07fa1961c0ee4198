/** The rules of ProxyConfig. */
import type { ProxyConfigSpec } from '../../api/networking/proxy-config';
import type { Check } from './check';
import { checkSelector } from './labels';

export function checkProxyConfig(spec: ProxyConfigSpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
}
