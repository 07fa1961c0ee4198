/** Keeps an authority as long as the process lives: where a mesh of a moment needs no more, and in tests. */
import type { Kept, Storage } from './storage';

export function memoryStorage(files?: Kept['files']): Storage {
  let kept: Kept | undefined = files && { version: '1', files };
  return {
    load: async () => kept,
    async save(next, before) {
      if (kept?.version !== before) return undefined;
      kept = { version: String(Number(before ?? '0') + 1), files: next };
      return kept;
    },
  };
}
