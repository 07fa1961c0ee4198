/** The console's style: the system's own fonts, its own light and dark, and no picture to wait for. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --panel: #fff; --text: #1b2230; --quiet: #5b6475; --line: #d8dde6; --accent: #2357c5;
  --node: #fff; --node-line: #b9c2d2; --good: #17714a; --bad: #b93208; --wait: #7d5200; --edge: #7286a8; --path: #2357c5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151b; --panel: #1a1f28; --text: #e6eaf2; --quiet: #a0aabc; --line: #303848; --accent: #8db4ff;
    --node: #222936; --node-line: #46536a; --good: #56cf99; --bad: #ff9169; --wait: #e8b964; --edge: #71829f; --path: #8db4ff;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; align-items: center; padding: .6rem 1.25rem; background: var(--panel); border-bottom: 1px solid var(--line); }
h1 { font-size: 1.2rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h3 { font-size: .85rem; margin: 1.1rem 0 .3rem; color: var(--quiet); font-weight: 600; }
nav { display: flex; flex-wrap: wrap; gap: .25rem; }
nav a { padding: .3rem .7rem; border-radius: 7px; color: var(--text); text-decoration: none; }
nav a:hover { background: var(--page); }
nav a[aria-current] { background: var(--accent); color: var(--panel); }
.badge { font-size: .8em; font-variant-numeric: tabular-nums; }
.badge.alarm { color: var(--bad); font-weight: 700; }
nav a[aria-current] .badge { color: inherit; }
#summary { margin: 0 0 0 auto; color: var(--quiet); }
#trouble { margin: .75rem 1.25rem 0; padding: .5rem .75rem; border-left: 4px solid var(--bad); background: var(--panel); }
main { padding: .75rem 1.25rem 2rem; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center; margin-bottom: .75rem; }
.tools input[type=search] { width: 17rem; max-width: 60vw; }
input[type=search], select, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--node-line); border-radius: 7px; padding: .3rem .6rem; }
button { cursor: pointer; }
fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
legend { float: left; margin-right: .75rem; padding: 0; color: var(--quiet); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
label.expected::before, label.unseen::before, label.undeclared::before { content: ''; display: inline-block; width: 1.4rem; margin-right: .35rem; vertical-align: .25em; border-top: 3px solid var(--edge); }
label.unseen::before { border-top-style: dotted; }
label.undeclared::before { border-color: var(--bad); }
.stage { display: flex; gap: .75rem; height: calc(100vh - 12.5rem); min-height: 24rem; }
.picture { position: relative; flex: 1; min-width: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
#graph { display: block; width: 100%; height: 100%; cursor: grab; touch-action: none; }
.zoom { position: absolute; right: .6rem; bottom: .6rem; display: flex; gap: .35rem; align-items: center; }
.picture .empty { position: absolute; inset: 40% 0 auto; text-align: center; }
#details { width: 21rem; max-width: 45vw; overflow: auto; padding: .9rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; position: relative; }
#details ul, #details ol { margin: 0; padding: 0; list-style: none; }
#details li { padding: .3rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
#details p { margin: .2rem 0; overflow-wrap: anywhere; }
#details ol.path { display: flex; flex-wrap: wrap; gap: .2rem; }
#details ol.path li { border: 0; padding: 0; }
#details ol.path li + li::before { content: '→'; margin: 0 .3rem; color: var(--quiet); }
button.close { position: absolute; right: .7rem; top: .7rem; border: 0; font-size: 1.2rem; line-height: 1; background: none; }
button.link { border: 0; padding: 0; background: none; color: var(--accent); text-align: left; text-decoration: underline; overflow-wrap: anywhere; }
a { color: var(--accent); }
.keys { margin: .5rem 0; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--node-line); border-radius: 4px; padding: 0 .3em; }
#unseen-title { font-size: .95rem; margin-top: 1.2rem; }
#unseen { columns: 34rem; margin: .3rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
svg text { font: 13px system-ui, sans-serif; fill: var(--text); }
svg .namespace { font-weight: 600; fill: var(--quiet); }
svg .box { fill: var(--page); stroke: var(--line); }
.node { cursor: pointer; }
.node rect { fill: var(--node); stroke: var(--node-line); stroke-width: 1.3; }
.node .name { font-weight: 600; }
.node .below { font-size: 11px; fill: var(--quiet); }
.node.gateway rect { stroke: var(--accent); }
.node.gateway .name, .node.gateway .below { transform: translateX(8px); }
.node.external rect { stroke-dasharray: 5 4; }
.node.group rect { stroke-width: 2.5; }
.node.aside:not(.selected) { opacity: .62; }
.node.selected rect { stroke: var(--accent); stroke-width: 3; }
.node:focus, .node:focus-visible { outline: none; }
.node:focus-visible > rect { stroke: var(--accent); stroke-width: 4; }
.node .lock rect { fill: var(--good); stroke: none; }
.node .lock path { fill: none; stroke: var(--good); stroke-width: 1.6; }
.node .warning { display: none; fill: var(--bad); stroke: var(--panel); stroke-width: 2; }
.node.warned .warning { display: inline; }
.edge { fill: none; stroke: var(--edge); }
.edge.unseen { stroke-dasharray: 2 5; }
.edge.undeclared, .edge.failing { stroke: var(--bad); }
.edge.undeclared { stroke-dasharray: 9 3; }
.edge.path { stroke: var(--path); }
.tip { fill: var(--edge); stroke: none; }
.tip.undeclared, .tip.failing { fill: var(--bad); }
.tip.path { fill: var(--path); }
.hit { fill: none; stroke: transparent; stroke-width: 12; }
.rate { font-size: 11px; text-anchor: middle; fill: var(--text); paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.node.faint, .edge.faint { opacity: .22; }
.far .below, .far .rate, .far .lock { display: none; }
.far .name { font-size: 20px; transform: translateY(10px); }
.far .node.gateway .name { transform: translate(8px, 10px); }
.far .namespace { font-size: 30px; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 9rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.state.undeclared { color: var(--bad); } .state.unseen { color: var(--quiet); }
.note { display: block; color: var(--quiet); overflow-wrap: anywhere; font-size: .92em; }
.note.bad { color: var(--bad); }
.quiet, .empty { color: var(--quiet); }
.mono, pre { font: 12px/1.5 ui-monospace, monospace; }
dialog { width: min(70rem, 92vw); max-height: 85vh; color: var(--text); background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.25rem; }
dialog[open] { display: flex; flex-direction: column; }
#configuration-title { padding-right: 2.5rem; }
#configuration-body { overflow: auto; min-height: 0; }
dialog::backdrop { background: #0008; }
dialog details { border-top: 1px solid var(--line); padding: .3rem 0; }
dialog summary { cursor: pointer; overflow-wrap: anywhere; }
pre { overflow: auto; max-height: 26rem; background: var(--page); padding: .6rem .8rem; border-radius: 7px; }
@media (max-width: 50rem) { .stage { flex-direction: column; height: auto; } .picture { height: 60vh; flex: none; } #details { width: auto; max-width: none; } #summary { margin-left: 0; } }
`;
