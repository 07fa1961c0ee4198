/** Requests that an application in a pod makes, as its environment tells it to (HTTP_PROXY in explicit capture). */
import type { RunningMesh } from '../../lib/local';

export interface PodRequest {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  /** Default 1. */
  count?: number;
}

export interface EchoReply {
  status: number;
  /** What the echo service says; undefined when a proxy answered. */
  echo?: { pod: string; version: string; path: string; method: string; headers: Record<string, string> };
}

/** All of them, in order, over kept connections. */
export async function requests(mesh: RunningMesh, pod: string, list: readonly PodRequest[]): Promise<EchoReply[]> {
  const { stdout, stderr, code } = await mesh.exec(pod, [process.execPath, '-e', SEND, JSON.stringify(list)]);
  if (code !== 0) throw new Error(`the client in ${pod} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Which versions answered, and how often: `{ v1: 9, v2: 1 }`; `503` stands for a status without an answer. */
export function tally(replies: readonly EchoReply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { echo, status } of replies) {
    const key = echo?.version ?? String(status);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const SEND = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true });
const proxy = process.env.HTTP_PROXY && new URL(process.env.HTTP_PROXY);
const send = ({ url, method = 'GET', headers = {} }) => new Promise((resolve) => {
  const { host, hostname, port, pathname, search } = new URL(url);
  const path = pathname + search;
  const target = proxy ? { host: proxy.hostname, port: proxy.port, path: 'http://' + host + path } : { host: hostname, port: port || 80, path };
  const request = http.request({ ...target, agent, method, headers: { ...headers, host } }, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; });
    response.on('end', () => {
      let echo;
      try { echo = JSON.parse(body); } catch {}
      resolve({ status: response.statusCode, echo });
    });
  });
  request.on('error', () => resolve({ status: 0 }));
  request.end();
});
(async () => {
  const replies = [];
  for (const each of JSON.parse(process.argv[1])) {
    for (let i = 0; i < (each.count ?? 1); i++) replies.push(await send(each));
  }
  console.log(JSON.stringify(replies));
  agent.destroy();
})();
`;
