/** Requests to the mesh from this machine, timed. */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** What service.ts answers. */
export interface Who {
  service: string;
  version: string;
  calls?: Record<string, Partial<Who>>;
}

export interface Reply {
  status: number;
  /** Undefined when the answer is not that of one of Bookinfo's services. */
  who?: Who;
  milliseconds: number;
}

export interface Place {
  host: string;
  port: number;
}

export class Client {
  private readonly agent: Agent;

  /** @param authority the host that requests name, whatever address they go to. */
  constructor(
    private readonly place: Place,
    private readonly authority: string,
    private readonly parallel = 8,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: parallel });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    const started = performance.now();
    return new Promise((resolve, reject) => {
      const options = { ...this.place, path, agent: this.agent, headers: { ...headers, host: this.authority } };
      const outgoing = request(options, (response) => {
        text(response).then(
          (body) =>
            resolve({ status: response.statusCode!, who: parse(body), milliseconds: performance.now() - started }),
          reject,
        );
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  /** So many times the same, several at once. */
  async repeat(count: number, path: string, headers?: Record<string, string>): Promise<Reply[]> {
    const replies: Reply[] = [];
    let left = count;
    const worker = async () => {
      while (left-- > 0) replies.push(await this.get(path, headers));
    };
    await Promise.all(Array.from({ length: Math.min(this.parallel, count) }, worker));
    return replies;
  }

  close(): void {
    this.agent.destroy();
  }
}

function parse(body: string): Who | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
