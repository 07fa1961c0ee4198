/** The images of WebAssembly modules, as a control plane or its standby pulls them and makes a World of them. */
import { type RegistryOptions, WasmImages } from '../../lib/discovery/oci';
import type { MeshSourceOptions } from '../../lib/xds/mesh-source';
import type { Logger } from '../../lib/xds/source';
import type { Metrics } from './metrics';

export interface PulledImages {
  /** What a MeshSource has to know of them. */
  readonly forSource: Pick<MeshSourceOptions, 'modules' | 'lacking'>;
  close(): void;
}

/** @param update makes a World anew. */
export function pulledImages(options: {
  readonly registry?: Omit<RegistryOptions, 'signal'>;
  readonly update: () => void;
  readonly metrics: () => Pick<Metrics, 'countPull'>;
  readonly log: Logger;
}): PulledImages {
  const { registry, update, metrics, log } = options;
  const images = new WasmImages({
    registry,
    onChange: update,
    onTrouble: (object, error) => log.warn({ object, error }, 'the module of an image is not delivered'),
    onPull: (outcome, bytes) => metrics().countPull(outcome, bytes),
  });
  return {
    forSource: {
      lacking: (object) => images.troubleOf(object),
      modules(objects, config) {
        images.see(objects, config);
        return images.current;
      },
    },
    close: () => images.close(),
  };
}
