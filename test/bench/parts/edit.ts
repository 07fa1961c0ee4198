/**
 * From an edit to traffic: a VirtualService of the gateway gets a new response header in its file, and requests go
 * through the gateway's Envoy, one after the other, until an answer carries it. The clock starts before the write.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { editStream, readStream } from '../../../apps/cli/yaml-stream';
import { BOOKINFO_HOST, type BookinfoMesh, startBookinfo } from '../bookinfo-mesh';
import { measured, type Part, percentile } from '../measurement';

const EDITS = 200;
const WARM_UP = 10;
const PATIENCE_MILLISECONDS = 10_000;
/** Between two requests: measures finely enough, and leaves the machine to what is measured. */
const PACE_MILLISECONDS = 2;
const HEADER = 'x-bench-edit';
const PATH = '/reviews/0';

export const edit: Part = {
  name: 'edit',
  about: 'from the edit of a file to the first request that behaves so, through real Envoy',
  async run(say) {
    say('starting Bookinfo');
    const bookinfo = await startBookinfo();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const file = gatewayRoutesIn(bookinfo.dir);
      const times: number[] = [];
      for (let generation = 1; generation <= WARM_UP + EDITS; generation++) {
        const text = file.withHeader(String(generation));
        const start = performance.now();
        writeFileSync(file.path, text);
        await untilAnswered(bookinfo, agent, String(generation), start);
        if (generation > WARM_UP) times.push(performance.now() - start);
        if (generation % 50 === 0) say(`${generation} edits`);
        // People and pipelines do not edit in step with any of our timers.
        await sleep(20 + Math.random() * 80);
      }
      return [
        measured('edit', 'edits', times.length, 'edits'),
        measured('edit', 'edit to traffic, p50', percentile(times, 0.5), 'ms'),
        measured('edit', 'edit to traffic, p99', percentile(times, 0.99), 'ms', 100),
      ];
    } finally {
      agent.destroy();
      await bookinfo.stop();
    }
  },
};

async function untilAnswered({ gateway }: BookinfoMesh, agent: Agent, wanted: string, start: number): Promise<void> {
  for (;;) {
    const headers = await get(gateway, agent);
    if (headers[HEADER] === wanted) return;
    if (performance.now() - start > PATIENCE_MILLISECONDS) {
      throw new Error(`edit ${wanted} did not reach traffic within ${PATIENCE_MILLISECONDS} ms`);
    }
    await sleep(PACE_MILLISECONDS);
  }
}

function get({ host, port }: BookinfoMesh['gateway'], agent: Agent): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, agent, path: PATH, headers: { host: BOOKINFO_HOST } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.headers));
    });
    sent.on('error', reject);
    sent.end();
  });
}

interface GatewayRoutes {
  kind: string;
  spec: { gateways?: string[]; http: object[] };
}

/** The file that holds the VirtualService of the gateway, and its text with a header on every route of it. */
function gatewayRoutesIn(dir: string): { path: string; withHeader(value: string): string } {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    const text = readFileSync(path, 'utf8');
    if (!readStream(text, path).some(isGatewayRoutes)) continue;
    const withHeader = (value: string) =>
      editStream(text, path, (object) => {
        if (!isGatewayRoutes(object)) return object;
        const http = object.spec.http.map((route) => ({
          ...route,
          headers: { response: { set: { [HEADER]: value } } },
        }));
        return { ...object, spec: { ...object.spec, http } };
      });
    return { path, withHeader };
  }
  throw new Error(`no VirtualService of a gateway in ${dir}`);
}

function isGatewayRoutes(object: unknown): object is GatewayRoutes {
  const { kind, spec } = (object ?? {}) as Partial<GatewayRoutes>;
  return kind === 'VirtualService' && (spec?.gateways ?? []).some((gateway) => gateway !== 'mesh');
}
