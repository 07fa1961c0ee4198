import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { consoleAssets, MODULES, SECURITY_HEADERS } from '../../apps/console/assets';
import { consolePage } from '../../apps/console/page';

const assets = consoleAssets();
const texts = Object.entries(assets).map(([path, { body }]) => [path, String(body())] as const);

describe('the console', () => {
  test('is one page, a style, a library and a few modules, which find each other', () => {
    expect(Object.keys(assets)).toEqual(
      expect.arrayContaining(['/', '/console/style.css', '/console/dagre.js', '/console/main', '/console/layout']),
    );
    const sources = readdirSync(join(__dirname, '../../apps/console/browser')).filter((file) => file.endsWith('.ts'));
    expect([...MODULES].sort()).toEqual(sources.map((file) => file.slice(0, -'.ts'.length)).sort());
    const wanted = texts
      .filter(([path]) => path !== '/console/dagre.js')
      .flatMap(([, text]) =>
        [...text.matchAll(/(?:from '\.|(?:src|href)="\/console)\/([\w.-]+)/g)].map(([, file]) => file!),
      );
    expect(wanted.length).toBeGreaterThan(8);
    expect(wanted.filter((file) => !assets[`/console/${file}`])).toEqual([]);
  });

  test('names no other host', () => {
    for (const [path, text] of texts) {
      const urls = [...text.matchAll(/https?:\/\/[^\s"'`)]+/g)].map(([url]) => url);
      expect([path, urls.filter((url) => !url.startsWith('http://www.w3.org/'))]).toEqual([path, []]);
    }
    expect(SECURITY_HEADERS['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(SECURITY_HEADERS['content-security-policy']).not.toContain('unsafe');
  });

  test('writes what comes from the mesh as text, never as markup', () => {
    const own = texts.filter(([path]) => path !== '/console/dagre.js');
    const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\bnew Function\b|setHTML/;
    expect(own.filter(([, text]) => markup.test(text)).map(([path]) => path)).toEqual([]);
  });

  test('needs no script or style inside the page', () => {
    expect(consolePage()).not.toMatch(/<style|<script(?![^>]* src=)|\son\w+=|\sstyle=/);
  });
});
