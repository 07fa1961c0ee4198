/** The page's style: the system's own fonts, its own light and dark, and no picture to wait for. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8885; --quiet: #888; --good: #18794e; --bad: #c4320a; --wait: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --bad: #ff8b5e; --wait: #e5b567; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem 1.25rem 3rem; font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
#summary { margin: 0; color: var(--quiet); }
#trouble { margin: 1rem 0 0; padding: .5rem .75rem; border-left: 4px solid var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.name { overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.note { display: block; color: var(--quiet); overflow-wrap: anywhere; }
.empty { color: var(--quiet); }
code { font: 13px ui-monospace, monospace; }
`;
