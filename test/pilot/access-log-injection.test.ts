/** Access logs as JSON, written by a real Envoy, under paths, hosts and agents that would forge lines if they could. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../lib/api/object';
import { PolicedEnvoy } from './authorization/policed-envoy';

jest.setTimeout(60_000);

const FORGED = '","response_code":200,"path":"/forged"}{"x":"';
/** Long enough that Envoy does not keep them in its buffer. */
const PADDING = 'a'.repeat(2_000);

describe('a JSON access log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-log-'));
  const file = join(folder, 'access.log');
  let envoy: PolicedEnvoy;

  beforeAll(async () => {
    const mesh = `accessLogFile: ${file}\naccessLogEncoding: JSON\n`;
    const config: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh },
    };
    envoy = await PolicedEnvoy.start([() => [config]], { network: 88 });
  });
  afterAll(async () => {
    await envoy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('has one line for each request, and in it what was sent', async () => {
    const hostile = [FORGED, '\\u000a{"a":1}', '\\", "b": "', "\t'$(id)`id`", '%START_TIME% %REQ(:PATH)%', '\x80\xff'];
    for (const text of hostile) {
      for (let i = 0; i < 12; i++) {
        const headers = { 'user-agent': text, 'x-request-id': text, 'x-forwarded-for': PADDING };
        const { status } = await envoy.ask(0, { path: `/${encodeURIComponent(text.slice(0, 5))}?${i}"}`, headers });
        expect(status).toBe(200);
      }
    }
    const lines = await linesOf(file, 30);
    expect(lines.length).toBeGreaterThanOrEqual(30);
    for (const line of lines) {
      const entry = JSON.parse(line) as Record<string, unknown>;
      expect(entry.response_code).toBe(200);
      expect(entry.path).toMatch(/^\/.*\?\d+"\}$/);
      expect(Object.keys(entry).sort()).toEqual(Object.keys(JSON.parse(lines[0]!)).sort());
    }
    expect(lines.map((line) => JSON.parse(line).user_agent)).toContain(FORGED);
  });
});

/** The complete lines, once there are so many. */
async function linesOf(path: string, atLeast: number): Promise<string[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    if (lines.length >= atLeast || Date.now() > deadline) return lines;
    await sleep(100);
  }
}
