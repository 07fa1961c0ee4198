/**
 * Tiny proxy-wasm modules (ABI 0.2.1), assembled from header-filter.wat by wabt: one adds `x-wasm: yes` to each request, the other
 * traps on each request, the third (trap-filter.wat) on a request with the header x-trap.
 */
const bytes = (...lines: string[]) => Buffer.from(lines.join(''), 'base64');

export const ADDS_HEADER = bytes(
  'AGFzbQEAAAABJAZgBX9/f39/AX9gAABgAX8Bf2ACf38AYAJ/fwF/YAN/f38BfwIiAQNlbnYacHJveHlfYWRkX2hlYWRlcl9tYXBf',
  'dmFsdWUAAAMHBgECAwQEBQUDAQABBgcBfwFBgAgLB4sBBwZtZW1vcnkCABdwcm94eV9hYmlfdmVyc2lvbl8wXzJfMQABBm1hbGxv',
  'YwACF3Byb3h5X29uX2NvbnRleHRfY3JlYXRlAAMRcHJveHlfb25fdm1fc3RhcnQABBJwcm94eV9vbl9jb25maWd1cmUABRhwcm94',
  'eV9vbl9yZXF1ZXN0X2hlYWRlcnMABgpKBgIACyYBAX8jAEHg1ANLBEBBgAgkAAsjACEBIwAgAEEHakF4cWokACABCwIACwQAQQEL',
  'BABBAQsRAEEAQRBBBkEgQQMQABpBAAsLFAIAQRALBngtd2FzbQBBIAsDeWVz',
);

/** The same with `unreachable` in place of the call. */
export const TRAPS = bytes(
  'AGFzbQEAAAABJAZgBX9/f39/AX9gAABgAX8Bf2ACf38AYAJ/fwF/YAN/f38BfwIiAQNlbnYacHJveHlfYWRkX2hlYWRlcl9tYXBf',
  'dmFsdWUAAAMHBgECAwQEBQUDAQABBgcBfwFBgAgLB4sBBwZtZW1vcnkCABdwcm94eV9hYmlfdmVyc2lvbl8wXzJfMQABBm1hbGxv',
  'YwACF3Byb3h5X29uX2NvbnRleHRfY3JlYXRlAAMRcHJveHlfb25fdm1fc3RhcnQABBJwcm94eV9vbl9jb25maWd1cmUABRhwcm94',
  'eV9vbl9yZXF1ZXN0X2hlYWRlcnMABgo+BgIACyYBAX8jAEHg1ANLBEBBgAgkAAsjACEBIwAgAEEHakF4cWokACABCwIACwQAQQEL',
  'BABBAQsFAABBAAsLFAIAQRALBngtd2FzbQBBIAsDeWVz',
);

/** The first, which traps on a request with the header `x-trap`. */
export const TRAPS_ON_DEMAND = bytes(
  'AGFzbQEAAAABJAZgBX9/f39/AX9gAABgAX8Bf2ACf38AYAJ/fwF/YAN/f38BfwJDAgNlbnYacHJveHlfYWRkX2hlYWRlcl9tYXBfdmFs',
  'dWUAAANlbnYacHJveHlfZ2V0X2hlYWRlcl9tYXBfdmFsdWUAAAMHBgECAwQEBQUDAQABBgcBfwFBgAgLB4sBBwZtZW1vcnkCABdwcm94',
  'eV9hYmlfdmVyc2lvbl8wXzJfMQACBm1hbGxvYwADF3Byb3h5X29uX2NvbnRleHRfY3JlYXRlAAQRcHJveHlfb25fdm1fc3RhcnQABRJw',
  'cm94eV9vbl9jb25maWd1cmUABhhwcm94eV9vbl9yZXF1ZXN0X2hlYWRlcnMABwpvBgIACyYBAX8jAEHg1ANLBEBBgAgkAAsjACEBIwAg',
  'AEEHakF4cWokACABCwIACwQAQQELBABBAQs2AEHEAEEANgIAQQBBMEEGQcAAQcQAEAFFQcQAKAIAQQBHcQRAAAtBAEEQQQZBIEEDEAAa',
  'QQALCx8DAEEQCwZ4LXdhc20AQSALA3llcwBBMAsGeC10cmFw',
);
