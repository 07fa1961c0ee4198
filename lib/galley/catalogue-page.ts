/** docs/findings.md, made of the catalogues; a test holds the page to them. */
import { type CatalogueEntry, catalogue } from './catalogue';
import { codesNotGiven } from './istio-codes-not-given';
import { type ProgramProblem, programCatalogue } from './program-catalogue';

const HEAD = `# Findings

What \`malha validate\`, \`malha analyze\`, the control plane and synthesis can find. Codes \`IST…\` are Istio's and mean what they mean
there; codes \`MAL…\` are Malha's. A code is never used for something else. This page is made from the catalogue
(\`npm run test:update\` writes it).
`;

/** The page, as Markdown. */
export function cataloguePage(): string {
  const findings: [string, CatalogueEntry][] = Object.entries(catalogue);
  const problems: [string, ProgramProblem][] = Object.entries(programCatalogue);
  return [
    HEAD,
    '## In objects and files\n',
    '| code | level | name | what it means | what to do |',
    '|---|---|---|---|---|',
    ...findings.map(([code, { level, title, text, fix }]) => row(`\`${code}\``, level, title, text, fix)),
    '\n## In programs\n',
    'Constructs name their path, what they got, what is allowed, and how to fix it. All of these are errors.\n',
    '| code | name | what it means |',
    '|---|---|---|',
    ...problems.map(([code, { title, text }]) => row(`\`${code}\``, title, text)),
    "\n## Istio's codes that are not given\n",
    '| code | why |',
    '|---|---|',
    ...Object.entries(codesNotGiven).map(([code, why]) => row(`\`${code}\``, why)),
    '',
  ].join('\n');
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
