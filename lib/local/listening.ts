/** Does a process's network have someone listening on a port? Asked of the kernel, so that nobody is disturbed. */
import { readFile } from 'node:fs/promises';

const LISTEN = '0A';

/**
 * The sockets that listen in the network namespace of a process: `127.0.0.1:80`, `0.0.0.0:80`; IPv6 ones that take
 * every address as `:::80`. Undefined where the kernel does not tell (not Linux, or the process is gone).
 */
export async function listeningSockets(pid: number): Promise<string[] | undefined> {
  try {
    const [four, six] = await Promise.all(['tcp', 'tcp6'].map((file) => readFile(`/proc/${pid}/net/${file}`, 'utf8')));
    return [...parse(four!), ...parse(six!)];
  } catch {
    return undefined;
  }
}

/** Is `port` open at `address`, or at every address? */
export function listensOn(sockets: readonly string[], address: string, port: number): boolean {
  return [`${address}:${port}`, `0.0.0.0:${port}`, `:::${port}`].some((socket) => sockets.includes(socket));
}

/** Lines of /proc/net/tcp: `0: 0100007F:1F90 00000000:0000 0A …`, addresses as words in the machine's byte order. */
function parse(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN)
    .map((fields) => {
      const [address = '', port = ''] = fields[1]!.split(':');
      return `${addressOf(address)}:${Number.parseInt(port, 16)}`;
    });
}

function addressOf(hex: string): string {
  if (hex.length > 8) return /^0+$/.test(hex) ? '::' : hex;
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');
}
