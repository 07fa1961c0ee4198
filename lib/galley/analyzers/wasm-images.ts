/** Images of WebAssembly modules that are not served in this mesh, or that may change without anybody's doing. */
import { TrafficExtension } from '../../api/extensions/traffic-extension';
import { WasmPlugin } from '../../api/extensions/wasm-plugin';
import { imageTrust, isImageUrl, parseReference, repositoryName } from '../../world';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'extensions.WasmImageAnalyzer';

export function wasmImages(analysis: Analysis): Finding[] {
  const modules = [
    ...analysis.of<WasmPlugin>(WasmPlugin).map((object) => ({ object, path: 'spec', module: object.spec })),
    ...analysis
      .of<TrafficExtension>(TrafficExtension)
      .flatMap((object) => (object.spec.wasm ? [{ object, path: 'spec.wasm', module: object.spec.wasm }] : [])),
  ];
  return modules.flatMap(({ object, path, module }) => {
    if (!isImageUrl(module.url)) return [];
    const reference = parseReference(module.url);
    const name = repositoryName(reference);
    const at = { path: `${path}.url` };
    const unknown = imageTrust(name, analysis.meshConfig).kind === 'none';
    const changing = !reference.digest && !module.sha256;
    return [
      ...(unknown
        ? [
            findingAbout(object, 'MAL0070', NAME, {
              ...at,
              message: `no entry of imageSignatures holds for ${name}, so the module is not served`,
            }),
          ]
        : []),
      ...(changing
        ? [
            findingAbout(object, 'MAL0071', NAME, {
              ...at,
              message: `the tag ${reference.tag} of ${name} may be another module tomorrow, or at another replica`,
            }),
          ]
        : []),
    ];
  });
}
