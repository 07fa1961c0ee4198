/** The console's one page. What it does is in browser/, what it looks like in style.ts. */

/** The page as HTML; it is the same for everyone. */
export function consolePage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/console/style.css">
<link rel="modulepreload" href="/console/main">
<title>Malha</title>
</head>
<body>
<header>
<h1>Malha</h1>
<nav aria-label="views">
<a href="#graph">Graph</a>
<a href="#calls">Calls <span class="badge" id="calls-count"></span></a>
<a href="#proxies">Proxies <span class="badge" id="proxies-count"></span></a>
<a href="#findings">Findings <span class="badge" id="findings-count"></span></a>
<a href="#certificates">Certificates</a>
</nav>
<p id="summary" role="status">Asking the control plane…</p>
</header>
<p id="trouble" class="bad" role="alert" hidden></p>
<main>
<div class="tools">
<label>Filter <input id="filter" type="search" autocomplete="off" spellcheck="false" placeholder="service or namespace  ( / )"></label>
<label>Namespace <select id="namespace"><option value="">all namespaces</option></select></label>
<fieldset id="states"><legend>Calls that are</legend>
<label class="expected"><input type="checkbox" value="expected" checked> declared and seen</label>
<label class="undeclared"><input type="checkbox" value="undeclared" checked> seen, not declared</label>
<label class="unseen"><input type="checkbox" value="unseen" checked> declared, never seen</label>
</fieldset>
</div>
<section id="view-graph" aria-label="service graph">
<div class="stage">
<div class="picture">
<svg id="graph" role="group" aria-label="services and their calls"></svg>
<p id="graph-empty" class="empty" hidden></p>
<div class="zoom">
<span id="shown" class="quiet"></span>
<button type="button" id="fold" hidden>Fold namespaces</button>
<button type="button" id="zoom-out" aria-label="zoom out">−</button>
<button type="button" id="zoom-in" aria-label="zoom in">+</button>
<button type="button" id="zoom-fit">Fit</button>
</div>
</div>
<aside id="details" aria-label="details" hidden></aside>
</div>
<p class="quiet keys">Keys: <kbd>/</kbd> filter, <kbd>Tab</kbd> into the graph, arrows along calls, <kbd>Enter</kbd> choose, <kbd>Esc</kbd> let go, <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom.</p>
<h2 id="unseen-title">Declared, never seen</h2>
<p id="unseen-note" class="quiet"></p>
<ul id="unseen"></ul>
</section>
${section('calls', 'Calls', ['From', 'To', 'State', 'Mutual TLS', '#Rate', '#Errors', '#p50', '#p99', '#Requests'], 'No call is declared, and none was seen.')}
${section('proxies', 'Proxies', ['Proxy', 'Listeners', 'Routes', 'Clusters', 'Endpoints', 'Secrets'], 'No proxy is connected.')}
${section('findings', 'Findings', ['Level', 'Code', 'Object', 'What is wrong'], 'Nothing was found.')}
${section('certificates', 'Certificates', ['Certificate', 'Good from (UTC)', 'Good until (UTC)', 'State'], 'This control plane has no authority of its own, or you may not see it.', '<p id="lifetime" class="quiet"></p>')}
</main>
<dialog id="configuration" aria-labelledby="configuration-title">
<h2 id="configuration-title">Configuration</h2>
<button type="button" class="close" id="configuration-close" aria-label="close">×</button>
<div id="configuration-body"></div>
</dialog>
<noscript><p>This page reads <a href="/graph">/graph</a> and <a href="/status">/status</a> with a script; without one, read them there.</p></noscript>
<script src="/console/dagre.js"></script>
<script type="module" src="/console/main"></script>
</body>
</html>
`;
}

/** A table with its heading; a title that begins with # is above numbers. */
function section(id: string, title: string, head: readonly string[], empty: string, note = ''): string {
  const titles = head.map((text) =>
    text.startsWith('#') ? `<th scope="col" class="number">${text.slice(1)}</th>` : `<th scope="col">${text}</th>`,
  );
  return `<section id="view-${id}" hidden>
<h2 id="${id}-title">${title}</h2>
${note}
<p id="${id}-empty" class="empty" hidden>${empty}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-title">
<table id="${id}" hidden><thead><tr>${titles.join('')}</tr></thead><tbody></tbody></table>
</div>
</section>`;
}
