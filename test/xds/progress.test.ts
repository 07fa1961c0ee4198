import { Progress } from '../../lib/xds/progress';

const lacks = (progress: Progress, upTo: number) =>
  Array.from({ length: upTo }, (_, i) => i + 1).filter((generation) => progress.lacks(generation));

test('a proxy lacks what it was not offered, and what it has not answered', () => {
  const progress = new Progress();
  progress.offer(1, true);
  expect(lacks(progress, 3)).toEqual([1, 2, 3]);
  progress.settle();
  expect(lacks(progress, 3)).toEqual([2, 3]);
});

test('a World that is no news for a proxy waits for nothing of it', () => {
  const progress = new Progress();
  progress.offer(1, true);
  progress.settle();
  progress.offer(2, true);
  progress.offer(3, false);
  progress.offer(4, false);
  progress.offer(5, true);
  expect(lacks(progress, 6)).toEqual([2, 5, 6]);
  progress.settle();
  expect(lacks(progress, 6)).toEqual([6]);
});

test('Worlds that were offered together are answered together', () => {
  const progress = new Progress();
  progress.offer(4, true);
  expect(lacks(progress, 4)).toEqual([1, 2, 3, 4]);
});

test('a proxy is established when it once had all', () => {
  const progress = new Progress();
  progress.offer(1, true);
  expect(progress.isEstablished).toBe(false);
  progress.settle();
  progress.offer(2, true);
  expect(progress.isEstablished).toBe(true);
});

test('a proxy that never answers costs no more memory, and still lacks all that it did not answer', () => {
  const progress = new Progress();
  for (let generation = 1; generation <= 10_000; generation++) progress.offer(generation, generation % 2 === 0);
  expect(progress.lacks(2)).toBe(true);
  expect(progress.lacks(10_000)).toBe(true);
  expect(JSON.stringify(progress).length).toBeLessThan(5_000);
});
