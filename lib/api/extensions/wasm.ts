/** What extensions have in common: WebAssembly modules, and the traffic that they see. */
import { anyObject, choice, list, message, type Static, text, uint32, unserved } from '../schema';

export const WasmEnvVar = message(
  {
    name: text('The name of the variable.', { minLength: 1, maxLength: 256 }),
    valueFrom: choice(['INLINE', 'HOST'], 'Where the value is from: `value`, or the environment of the proxy.'),
    value: text('The value.', { maxLength: 2048 }),
  },
  { description: 'An environment variable of the module.', required: ['name'] },
);

/** The fields of a module, of WasmPlugin and TrafficExtension alike. */
export const wasmFields = {
  url: text('Where the module is: `oci://`, `http://`, `https://` or `file://`; without a scheme, an OCI image.', {
    minLength: 1,
  }),
  sha256: text('The checksum of the module, or the digest of the image.', { pattern: '(^$|^[a-f0-9]{64}$)' }),
  imagePullPolicy: choice(
    ['UNSPECIFIED_POLICY', 'IfNotPresent', 'Always'],
    'Whether the tag of an image is looked up again each minute. Default: Always for the tag latest, else IfNotPresent.',
  ),
  imagePullSecret: text('The Secret with the credentials for the registry, in the same namespace.', {
    minLength: 1,
    maxLength: 253,
  }),
  verificationKey: unserved(text('Has no effect.')),
  pluginConfig: anyObject('What the plugin gets as its configuration.'),
  pluginName: text('The name of the plugin in the module.', { minLength: 1, maxLength: 256 }),
  failStrategy: choice(
    ['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'],
    'What happens to traffic when the module fails. Default FAIL_CLOSE.',
  ),
  vmConfig: message(
    { env: list(WasmEnvVar, 'Environment variables of the module.', { maxItems: 256 }) },
    { description: 'The machine that runs the module.' },
  ),
  type: choice(['UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK'], 'What the module filters. Default HTTP.', {
    unservedValues: ['NETWORK'],
  }),
};

export const WasmTrafficSelector = message(
  {
    mode: choice(
      ['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER'],
      'The side of the traffic. Default CLIENT_AND_SERVER.',
    ),
    ports: list(
      message(
        { number: uint32('The port number.', { minimum: 1, maximum: 65535 }) },
        { description: 'A port.', required: ['number'] },
      ),
      'Ports; one of them matches. Default: all.',
    ),
  },
  { description: 'Some of the traffic.' },
);
export type WasmTrafficSelector = Static<typeof WasmTrafficSelector>;
