import { isAddressOf } from '../../lib/world';

test.each([
  ['its own', ['10.0.0.1', undefined], '10.0.0.1', true],
  ['that of a neighbour', ['10.0.0.1'], '10.0.0.2', false],
  ['loopback, as a process of its node would', ['10.0.0.1'], '127.0.0.1', false],
  ['any loopback address of the one machine that all are on', ['127.18.0.3'], '127.0.0.1', true],
  ['a name that only looks like loopback', ['127.18.0.3'], '127.0.0.1.example.com', false],
])('a workload calls from %s', (_, addresses, address, expected) => {
  expect(isAddressOf(addresses, address)).toBe(expected);
});
