import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { listeningSockets, listensOn } from '../../lib/local/listening';

describe('who listens', () => {
  test.each(['127.0.0.1', '0.0.0.0', '::'])('is told by the kernel, also for a server at %s', async (host) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sockets = (await listeningSockets(process.pid))!;
    server.close();
    expect(listensOn(sockets, '127.0.0.1', port)).toBe(true);
    expect(listensOn(sockets, '127.0.0.2', port)).toBe(host !== '127.0.0.1');
    expect(listensOn((await listeningSockets(process.pid))!, '127.0.0.1', port)).toBe(false);
  });

  test('is unknown for a process that is gone', async () => {
    expect(await listeningSockets(999_999_999)).toBeUndefined();
  });
});
