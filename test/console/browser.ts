/** A real Chromium, its pages, and what they asked of the network. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const ARTEFACTS = join(__dirname, '..', 'artefacts');

/** Debian's; `CHROMIUM` names another. @throws when there is none. */
export async function startChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? find('chromium') ?? find('google-chrome');
  if (!executablePath) throw new Error('no Chromium here: run scripts/setup, or name one in CHROMIUM');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

function find(program: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

export interface Visit {
  readonly page: Page;
  /** All URLs that it asked for. */
  readonly asked: readonly string[];
  /** What it complained about: errors of scripts, and what its policy forbids. */
  readonly complaints: readonly string[];
}

export async function visit(browser: Browser, url: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme });
  const page = await context.newPage();
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, asked, complaints };
}

/** Kept for whoever wants to look: test/artefacts/NAME.png. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`) });
}

/** What axe-core has against the page, by rule and element. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const found = (await page.evaluate('axe.run()')) as {
    violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  };
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 120)} ${failureSummary.slice(0, 200)}`),
  );
}
