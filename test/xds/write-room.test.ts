/** Large responses of all streams share their room. */
import { WriteRoom } from '../../lib/xds/write-room';

const MB = 1024 * 1024;

/** Someone who wants room for a response, and takes it when it comes. */
class Stream {
  room: { release(): void } | undefined;
  wants = true;

  constructor(
    private readonly all: WriteRoom,
    private readonly megabytes: number,
  ) {}

  readonly pump = () => {
    if (this.wants && !this.room) this.room = this.all.take(this, this.megabytes * MB, this.pump);
  };
}

let all: WriteRoom;
let streams: Stream[];
const have = () => streams.map(({ room }) => (room ? 'x' : '-')).join('');
const given = (...megabytes: number[]) => {
  all = new WriteRoom(10 * MB);
  streams = megabytes.map((each) => new Stream(all, each));
  for (const stream of streams) stream.pump();
};

test('as many have room as there is, and the others get it in turn', () => {
  given(4, 4, 4, 4, 4);
  expect(have()).toBe('xx---');
  streams[0]!.room!.release();
  expect(have()).toBe('xxx--');
  streams[1]!.room!.release();
  streams[2]!.room!.release();
  expect(have()).toBe('xxxxx');
});

test('what is larger than all of it has room alone, and nobody passes it by', () => {
  given(4, 20, 4, 4);
  expect(have()).toBe('x---');
  streams[0]!.room!.release();
  expect(have()).toBe('xx--');
  streams[1]!.room!.release();
  expect(have()).toBe('xxxx');
});

test('whoever went away, or wants it no more, keeps nobody waiting', () => {
  given(8, 8, 8, 8);
  all.forget(streams[1]!);
  streams[2]!.wants = false;
  streams[0]!.room!.release();
  expect(have()).toBe('x--x');
});

test('room that is given back twice is given back once', () => {
  given(8, 8, 8);
  streams[0]!.room!.release();
  streams[0]!.room!.release();
  expect(have()).toBe('xx-');
});

test('small responses need none', () => {
  given(20, 0.5);
  expect(have()).toBe('xx');
});
