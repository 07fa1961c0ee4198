/** The console's one page. */
import { SCRIPT } from './script';
import { STYLE } from './style';

/** The page as HTML; it is the same for everyone, so it may be cached. */
export function consolePage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>Malha</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Malha</h1>
<p id="summary" role="status">Asking the control plane…</p>
</header>
<p id="trouble" class="bad" role="alert" hidden></p>
<main>
${section('proxies', 'Proxies', ['Proxy', 'Listeners', 'Routes', 'Clusters', 'Endpoints', 'Secrets'], 'No proxy is connected.')}
${section('findings', 'Findings', ['Level', 'Code', 'Object', 'What is wrong'], 'Nothing was found.')}
${section('calls', 'Observed calls', ['From', 'To', 'Answer', '#Requests'], 'No call has been observed yet.')}
</main>
<noscript><p>This page reads <a href="/status">/status</a> with a script; without one, read it there.</p></noscript>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** A table with its heading; a title that begins with # is above numbers. */
function section(id: string, title: string, head: readonly string[], empty: string): string {
  const titles = head.map((text) =>
    text.startsWith('#') ? `<th scope="col" class="number">${text.slice(1)}</th>` : `<th scope="col">${text}</th>`,
  );
  return `<section aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
<p id="${id}-empty" class="empty" hidden>${empty}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-title">
<table id="${id}" hidden><thead><tr>${titles.join('')}</tr></thead><tbody></tbody></table>
</div>
</section>`;
}
