/** Rules that repeat earlier ones: what each VirtualService is told alone already, told where objects are judged together. */
import { VirtualService } from '../../api/networking/virtual-service';
import type { Finding } from '../finding';
import { overlapsOf } from '../overlapping-matches';
import type { Analysis } from './analysis';

export function overlappingMatches(analysis: Analysis): Finding[] {
  return analysis.of<VirtualService>(VirtualService).flatMap(overlapsOf);
}
