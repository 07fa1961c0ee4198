/** How soon somebody sees 200 services in the console: a real Chromium, a control plane in this process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startControlPlane } from '../../../apps/control-plane';
import { startChromium } from '../../console/browser';
import { manyServices } from '../../console/many-services';
import { measured, median, type Part } from '../measurement';

const NAMESPACES = 10;
const EACH = 20;
const VISITS = 7;
const log = { info: () => {}, warn: () => {}, error: () => {} };

export const console200: Part = {
  name: 'console',
  about: 'first paint of the console with 200 services, and the graph of all of them',
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'malha-bench-'));
    writeFileSync(join(folder, 'mesh.yaml'), manyServices(NAMESPACES, EACH));
    const registry = { kind: 'files' as const, files: [folder] };
    const running = await startControlPlane({ registry, http: '127.0.0.1:0', log });
    const browser = await startChromium();
    const [paints, graphs, unfolded] = [[], [], []] as [number[], number[], number[]];
    try {
      for (let visit = 0; visit <= VISITS; visit++) {
        // Each in a profile of its own: nothing is in a cache.
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        const page = await context.newPage();
        await page.goto(`http://127.0.0.1:${running.httpPort}/`);
        await page.locator('#graph .node').first().waitFor();
        const graph = Number(await page.evaluate('performance.now()'));
        const paint = Number(
          await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime"),
        );
        const before = Number(await page.evaluate('performance.now()'));
        await page.locator('#fold').click();
        await page
          .locator('#graph .node')
          .nth(NAMESPACES * EACH - 1)
          .waitFor();
        const all = Number(await page.evaluate('performance.now()')) - before;
        await context.close();
        say(
          `visit ${visit} of ${VISITS}: first paint ${paint.toFixed(0)} ms, graph ${graph.toFixed(0)} ms, all ${all.toFixed(0)} ms`,
        );
        // The first visit warms up the control plane's and the browser's own code.
        if (visit === 0) continue;
        paints.push(paint);
        graphs.push(graph);
        unfolded.push(all);
      }
    } finally {
      await browser.close();
      await running.stop();
      rmSync(folder, { recursive: true });
    }
    return [
      measured('console', `first paint with ${NAMESPACES * EACH} services`, median(paints), 'ms', 1_000),
      measured('console', 'until the graph is there, namespaces folded', median(graphs), 'ms', 1_000),
      measured('console', 'from folded to all services drawn', median(unfolded), 'ms'),
    ];
  },
};
