/**
 * A proxy that shows a token in place of a certificate gets its key from the control plane: the key has left the process that
 * uses it once. It is told once for all workloads, since it is the choice of a mesh rather than of one of them.
 */
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { type KnownWorkload, PROXY_CONTAINER } from './workloads';

const NAME = 'identity.KeysOverTheWireAnalyzer';
/** For whom the token is made, as `lib/injector/identity.ts` has it. */
const AUDIENCE = 'malha.dev';

interface Projected {
  readonly sources?: readonly { readonly serviceAccountToken?: { readonly audience?: string } }[];
}

export function keysOverTheWire(analysis: Analysis): Finding[] {
  const found = analysis.workloads.all.filter(showsToken);
  const [first] = found;
  if (!first) return [];
  const others = found.length > 1 ? ` and ${found.length - 1} more` : '';
  const message = `the control plane makes the keys of ${objectName(first.object)}${others}, and sends each over the wire once`;
  return [findingAbout(first.object, 'MAL0041', NAME, { message })];
}

function showsToken({ spec }: KnownWorkload): boolean {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  if (!containers.some(({ name }) => name === PROXY_CONTAINER)) return false;
  return (spec.volumes ?? []).some(({ projected }) =>
    ((projected as Projected | undefined)?.sources ?? []).some(
      ({ serviceAccountToken }) => serviceAccountToken?.audience === AUDIENCE,
    ),
  );
}
