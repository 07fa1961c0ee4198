/** The console in a real Chromium, of a real mesh: Bookinfo on this machine, its Envoys, its requests. */
import { rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { type RunningMesh, up } from '../../lib/local';
import { BookinfoManifests } from '../manifests/bookinfo-manifests';
import { keep, startChromium, type Visit, violations, visit } from './browser';

const MINUTES = 60_000;
let browser: Browser;
let mesh: RunningMesh;
let manifests: BookinfoManifests;
let url: string;

/** Through the gateway; resolves when the answer is complete. */
async function ask(path: string): Promise<number> {
  const { port, hostname } = new URL(mesh.url!);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host: `${hostname}:${port}` } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
    })
      .on('error', reject)
      .end();
  });
}

beforeAll(async () => {
  manifests = new BookinfoManifests();
  mesh = await up({ dir: manifests.dir, port: 0, httpsPort: 0 });
  const { pod, httpPort } = mesh.plan.controlPlane!;
  const { host, port } = await mesh.address(pod, httpPort);
  url = `http://${host}:${port}`;
  browser = await startChromium();
  for (let n = 0; n < 60; n++) await ask('/productpage');
  await sleep(2_000);
}, 3 * MINUTES);

afterAll(async () => {
  await browser?.close();
  await mesh?.stop();
  manifests?.remove();
}, MINUTES);

const BROKEN = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings, namespace: bookinfo }
spec:
  hosts: [ratings]
  http:
    - timeout: soon
      route: [{ destination: { host: ratings } }]
`;

const nodes = ({ page }: Visit) =>
  page.locator('#graph .node .name').evaluateAll((all) => all.map(({ textContent }) => textContent ?? '').sort());
const edge = ({ page }: Visit, source: string, target: string) =>
  page.locator('#graph .hit title', { hasText: `bookinfo/${source} → bookinfo/${target}:` });

describe('the console', () => {
  let open: Visit;
  beforeAll(async () => {
    open = await visit(browser, url);
    await open.page.locator('#graph .node').first().waitFor();
  }, MINUTES);

  it('draws the services of the mesh, and what goes between them', async () => {
    expect(await nodes(open)).toEqual(['details', 'edge', 'productpage', 'ratings', 'reviews']);
    await open.page.locator('#graph text.rate', { hasText: '/s' }).first().waitFor();
    await expect(edge(open, 'productpage', 'details').textContent()).resolves.toMatch(
      /declared and seen; [\d.]+\/s, 0 % errors, 99 % within [\d.]+ m?s/,
    );
    await keep(open.page, 'console-light');
  });

  it('tells a call that nobody has declared from those that are', async () => {
    const asked = "fetch('http://details:9080/details/0').then((r) => r.text(), () => 0)";
    await mesh.exec('ratings-v1.bookinfo', [process.execPath, '-e', asked]);
    await open.page.locator('#graph path.edge.undeclared').waitFor({ state: 'attached', timeout: 15_000 });
    expect(await edge(open, 'ratings', 'details').textContent()).toContain('seen, not declared');
  });

  it('shows what calls a service, its versions, and the path of a request to it', async () => {
    const { page } = open;
    await page.locator('#graph .node', { hasText: 'ratings' }).click();
    const details = page.locator('#details');
    expect(await details.locator('h2').textContent()).toBe('ratings');
    expect(await details.locator('#path button').allTextContents()).toEqual([
      'bookinfo/edge',
      'bookinfo/productpage',
      'bookinfo/reviews',
      'bookinfo/ratings',
    ]);
    expect(await details.textContent()).toContain('takes mutual TLS only');
    expect(await details.textContent()).toContain('mutual TLS, seen by the callee');
    expect(await details.textContent()).toContain('AuthorizationPolicy bookinfo/ratings-callers');
    await keep(page, 'console-details');
    await page.keyboard.press('Escape');
    expect(await details.isHidden()).toBe(true);
  });

  it('is gone through with a keyboard alone', async () => {
    const { page } = open;
    await page.keyboard.press('/');
    await page.keyboard.type('productp');
    expect(await nodes(open)).toContain('productpage');
    expect(await nodes(open)).not.toContain('ratings');
    await page.locator('#filter').fill('');
    await page.locator('#graph .node[tabindex="0"]').focus();
    for (let n = 0; n < 6; n++) await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    expect(await page.locator('#details h2').textContent()).toMatch(/productpage|reviews/);
    await page.keyboard.press('Escape');
  });

  it('shows what each proxy has taken, and its configuration as it has it', async () => {
    const { page } = open;
    await page.locator('nav a[href="#proxies"]').click();
    const row = page.locator('#proxies tbody tr', { hasText: 'reviews-v1.bookinfo' });
    expect(await row.locator('.good').count()).toBeGreaterThanOrEqual(4);
    await row.locator('button').click();
    const dialog = page.locator('#configuration[open]');
    await dialog.locator('summary', { hasText: 'outbound|9080||ratings.bookinfo.svc.cluster.local' }).first().click();
    expect(await dialog.locator('details[open] pre').first().textContent()).toContain(
      '"ratings.bookinfo.svc.cluster.local',
    );
    await keep(page, 'console-configuration');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
  });

  it('shows a finding beside its object and the line of its source, and what is in force meanwhile', async () => {
    const { page } = open;
    const broken = join(manifests.dir, 'broken.yaml');
    writeFileSync(broken, BROKEN);
    await page.locator('nav a[href="#findings"]').click();
    const row = page.locator('#findings tbody tr', { hasText: 'VirtualService bookinfo/ratings' });
    await row.first().waitFor({ timeout: 20_000 });
    expect(await row.first().textContent()).toMatch(/error.*broken\.yaml:\d+/);
    expect(await page.locator('#summary').textContent()).toContain('the last good configuration is in force');
    await page.locator('nav a[href="#graph"]').click();
    await page.locator('#graph .node.warned', { hasText: 'ratings' }).waitFor();
    await keep(page, 'console-findings');
    rmSync(broken);
  });

  it('shows the lifetimes of the mesh’s certificates', async () => {
    const { page } = open;
    await page.locator('nav a[href="#certificates"]').click();
    const rows = await page.locator('#certificates tbody tr').allTextContents();
    expect(rows.map((row) => /^(root|intermediate|serving).*expires in \d+ (h|days)/.exec(row)?.[1])).toEqual([
      'root',
      'intermediate',
      'serving',
    ]);
    await page.locator('nav a[href="#graph"]').click();
  });

  it.each(['light', 'dark'] as const)('has nothing that an accessibility check finds, in %s', async (scheme) => {
    const { page } = await visit(browser, url, scheme);
    await page.locator('#graph text.rate', { hasText: '/s' }).first().waitFor();
    await page.locator('#graph .node', { hasText: 'reviews' }).click();
    await keep(page, `console-${scheme}`);
    expect(await violations(page)).toEqual([]);
    for (const view of ['calls', 'proxies', 'findings', 'certificates']) {
      await page.locator(`nav a[href="#${view}"]`).click();
      await keep(page, `console-${view}-${scheme}`);
      expect(await violations(page)).toEqual([]);
    }
    await page.context().close();
  });

  it('asks nobody but its own control plane, and breaks none of its own rules', () => {
    expect(open.asked.filter((each) => !each.startsWith(`${url}/`))).toEqual([]);
    expect(open.complaints).toEqual([]);
  });
});
