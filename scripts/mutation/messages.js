/** Texts for people are no checks: what an error says may change without a verdict changing. */
const { PluginKind, declareValuePlugin } = require('@stryker-mutator/api/plugin');

/** Of a finding: its text, what to do, and what it is called. */
const TEXTS = ['message', 'fix'];

function isText({ node, parentPath }) {
  if (!parentPath || !/^(String|Template)Literal$/.test(node.type)) return false;
  const parent = parentPath.node;
  return (
    /Error$/.test(parent.callee?.name ?? '') || (parent.type === 'ObjectProperty' && TEXTS.includes(parent.key.name))
  );
}

module.exports.strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore: (path) => (isText(path) ? 'a text for people' : undefined),
  }),
];
