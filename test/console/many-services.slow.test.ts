/** The console with 200 services, as a control plane in this process serves them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { keep, startChromium, violations, visit } from './browser';
import { manyServices } from './many-services';

const MINUTES = 60_000;
const log = { info: () => {}, warn: () => {}, error: () => {} };
let browser: Browser;
let folder: string;
let running: RunningControlPlane;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-console-'));
  await writeFile(join(folder, 'mesh.yaml'), manyServices(10, 20));
  running = await startControlPlane({ registry: { kind: 'files', files: [folder] }, http: '127.0.0.1:0', log });
  browser = await startChromium();
}, MINUTES);

afterAll(async () => {
  await browser?.close();
  await running?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('200 services', () => {
  it(
    'begin as ten namespaces, open one by one, and are found by their names',
    async () => {
      const { page } = await visit(browser, `http://127.0.0.1:${running.httpPort}`);
      const names = () => page.locator('#graph .node .name').allTextContents();
      await page.locator('#graph .node.group').first().waitFor();
      expect((await names()).sort()).toEqual(Array.from({ length: 10 }, (_, n) => `team-${n}`).sort());
      await keep(page, 'console-200-folded');

      await page.locator('#graph .node', { hasText: 'team-3' }).click();
      await page.locator('#graph .node', { hasText: 'service-3-19' }).waitFor();
      expect(await names()).toHaveLength(9 + 20);
      await keep(page, 'console-200-one-open');

      await page.locator('#filter').fill('service-7-11');
      expect(await names()).toContain('service-7-11');
      expect((await names()).length).toBeLessThan(12);
      await page.locator('#filter').fill('');
      await page.locator('#fold').click();
      expect(await names()).toHaveLength(200);
      await keep(page, 'console-200-open');
      expect(await violations(page)).toEqual([]);
    },
    MINUTES,
  );
});
