import { Refusals } from '../../lib/xds/refusals';
import { StreamGate, type StreamGateOptions } from '../../lib/xds/stream-gate';
import { FakeClock, silent } from './fake-client';

let clock: FakeClock;
let entered: string[];
let gate: StreamGate;

const given = (options: Partial<StreamGateOptions>) => {
  clock = new FakeClock();
  entered = [];
  gate = new StreamGate({ clock, ...options });
};
const come = (sender: string, name = sender) => gate.enter(sender, () => entered.push(name));

describe('newcomers', () => {
  test('are let in at once after a quiet time, and then at a pace', () => {
    given({ perSecond: 10, atOnce: 3 });
    for (let i = 0; i < 10; i++) come(`s${i}`);
    expect(entered).toHaveLength(3);
    for (let i = 0; i < 5; i++) clock.advance(100);
    expect(entered).toEqual(Array.from({ length: 8 }, (_, i) => `s${i}`));
    for (let i = 0; i < 50; i++) clock.advance(100);
    for (let i = 0; i < 9; i++) come('late');
    expect(entered).toHaveLength(13);
  });

  test('go round the senders, so that who comes often waits behind who comes once', () => {
    given({ perSecond: 10, atOnce: 1 });
    for (let i = 0; i < 100; i++) come('flood');
    come('a');
    come('b');
    for (let i = 0; i < 4; i++) clock.advance(100);
    expect(entered).toEqual(['flood', 'flood', 'a', 'b', 'flood']);
  });

  test('beyond what may wait are refused, and so is the one too many of a sender, until others leave', () => {
    given({ perSecond: 1, atOnce: 2, mostWaiting: 3, mostOfOne: 4 });
    const leaves = Array.from({ length: 6 }, () => come('flood'));
    expect(leaves.map((leave) => leave !== undefined)).toEqual([true, true, true, true, false, false]);
    expect(come('a')).toBeDefined();
    expect(come('b')).toBeUndefined();
    leaves[3]!();
    expect(come('b')).toBeDefined();
    expect(gate.waiting).toBe(3);
  });

  test('that leave while they wait are not let in, and nothing is kept of those that have left', () => {
    given({ perSecond: 10, atOnce: 1 });
    const leaves = ['a', 'b', 'c'].map((sender) => come(sender)!);
    leaves[1]!();
    for (let i = 0; i < 9; i++) clock.advance(100);
    expect(entered).toEqual(['a', 'c']);
    for (const leave of [...leaves, ...leaves]) leave();
    expect([gate.senders, gate.waiting]).toEqual([0, 0]);
  });

  test('are let in by nobody after the end', () => {
    given({ perSecond: 10, atOnce: 1 });
    come('a');
    come('b');
    gate.close();
    clock.advance(10_000);
    expect(entered).toEqual(['a']);
  });
});

test('of ten thousand that are turned away, the log has the sender and the number, not ten thousand lines', () => {
  const lines: object[] = [];
  clock = new FakeClock();
  const refusals = new Refusals({ ...silent, warn: (fields) => lines.push(fields) }, clock);
  for (let i = 0; i < 10_000; i++) refusals.note('198.18.0.1', 'refused');
  for (let i = 0; i < 5_000; i++) refusals.note(`198.18.1.${i}`, 'refused');
  expect(lines[0]).toEqual({ sender: '198.18.0.1', refused: 1 });
  expect(lines).toHaveLength(1_001);
  clock.advance(10_000);
  expect(lines.slice(1_001)).toEqual([
    { sender: '198.18.0.1', refused: 9_999 },
    { sender: 'others', refused: 4_000 },
  ]);
  for (let i = 0; i < 3; i++) clock.advance(10_000);
  expect(lines).toHaveLength(1_003);
});
