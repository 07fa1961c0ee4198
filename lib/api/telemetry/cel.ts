/**
 * The expressions of the Telemetry API, in CEL (https://github.com/google/cel-spec): which of them Envoy can evaluate.
 * Envoy refuses a whole listener for one expression that it cannot read, so nothing passes here that it would not take:
 * the grammar is CEL's without macros over lists, names are Envoy's attributes, functions those of its runtime.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */

export type CelVerdict =
  /** `text` is what to ask a proxy for, `root` its outermost operation. */
  | { readonly kind: 'served'; readonly text: string; readonly root: CelNode }
  /** Not CEL at all. */
  | { readonly kind: 'malformed'; readonly problem: string }
  /** CEL, but about something that a plain Envoy does not know. */
  | { readonly kind: 'unserved'; readonly problem: string };

/** What the outermost operation of an expression is; `start` and `end` are offsets in its text. */
export interface CelNode {
  readonly kind: 'name' | 'string' | 'literal' | 'select' | 'index' | 'call' | 'operation';
  readonly start: number;
  readonly end: number;
  /** Of a name, a selected field or a function; the value of a string. */
  readonly text: string;
  /** The operand of a selection, an index or a method; then arguments. */
  readonly parts: readonly CelNode[];
}

const ATTRIBUTES = new Set([
  'request',
  'response',
  'connection',
  'upstream',
  'source',
  'destination',
  'metadata',
  'filter_state',
  'upstream_filter_state',
  'xds',
]);
const METHODS = new Set(['contains', 'startsWith', 'endsWith', 'matches', 'size']);
const FUNCTIONS = new Set(['has', 'size', 'int', 'timestamp', 'duration']);
const MOST_CHARACTERS = 1_024;
const MOST_DEPTH = 32;

/** Whether the value of a tag can be served. Values become text anyway, so that an outer `string()` says nothing. */
export function judgeTagValue(expression: string): CelVerdict {
  const text = expression.trim().replace(/(?<![\w.])node\.metadata\b/g, 'xds.node.metadata');
  const verdict = judgeCel(text);
  if (verdict.kind !== 'unserved' || !/^string\s*\(/.test(text)) return verdict;
  const root = new Parser(text).whole();
  const [only] = root.parts;
  if (root.kind !== 'call' || root.text !== 'string' || root.parts.length !== 1) return verdict;
  return judgeCel(text.slice(only!.start, only!.end));
}

/** Whether a condition can be served. */
export function judgeCel(expression: string): CelVerdict {
  if (expression.length > MOST_CHARACTERS) {
    return {
      kind: 'malformed',
      problem: `the expression has ${expression.length} characters, allowed are ${MOST_CHARACTERS}`,
    };
  }
  try {
    const parser = new Parser(expression);
    const root = parser.whole();
    const problem = parser.rarity ?? unservedPart(root);
    return problem ? { kind: 'unserved', problem } : { kind: 'served', text: expression, root };
  } catch (error) {
    if (error instanceof CelError) return { kind: 'malformed', problem: error.message };
    throw error;
  }
}

class CelError extends Error {}

function unservedPart(node: CelNode): string | undefined {
  if (node.kind === 'name' && !ATTRIBUTES.has(node.text)) return `a proxy does not know ${node.text}`;
  if (node.kind === 'call') {
    const isMethod = node.parts[0]?.kind !== undefined && METHODS.has(node.text) && node.text !== 'size';
    if (!isMethod && !FUNCTIONS.has(node.text)) return `a proxy does not know the function ${node.text}`;
    if (node.text === 'has' && (node.parts.length !== 1 || node.parts[0]!.kind !== 'select')) {
      return 'has() takes a field, as in has(request.host); a header is asked for by its value';
    }
  }
  for (const part of node.parts) {
    const problem = unservedPart(part);
    if (problem) return problem;
  }
  return undefined;
}

/** The words of CEL, the rarer ones too, so that nothing is called malformed which is not. */
const TOKEN =
  /\s*(?:(?<string>(?:[rR][bB]?|[bB][rR]?)?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'))|(?<number>0[xX][0-9a-fA-F]+[uU]?|\d*\.\d+(?:[eE][-+]?\d+)?|\d+(?:[eE][-+]?\d+|[uU])?(?!\w))|(?<name>[A-Za-z_]\w*)|(?<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()[\]{}]))/y;
/** Of these, all that Envoy's formats can carry: they end at a percent sign. */
const PLAIN_STRING = /^(?:"(?:[^"\\%]|\\[\\"'nrt])*"|'(?:[^'\\%]|\\[\\"'nrt])*')$/;
const PLAIN_NUMBER = /^\d{1,15}(?:\.\d{1,15})?$/;
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const LITERALS = new Set(['true', 'false', 'null']);

interface Token {
  readonly kind: 'number' | 'name' | 'string' | 'sign';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

class Parser {
  private readonly tokens: Token[] = [];
  private at = 0;
  private depth = 0;
  /** What is CEL, but nothing that is passed on to proxies. */
  rarity: string | undefined;

  constructor(private readonly expression: string) {
    let place = 0;
    while (expression.slice(place).trim() !== '') {
      TOKEN.lastIndex = place;
      const groups = TOKEN.exec(expression)?.groups;
      if (!groups)
        throw new CelError(`the expression cannot be read from '${expression.slice(place).trim().slice(0, 20)}'`);
      const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined)!;
      this.tokens.push({
        kind: kind as Token['kind'],
        text,
        start: TOKEN.lastIndex - text.length,
        end: TOKEN.lastIndex,
      });
      place = TOKEN.lastIndex;
      if ((kind === 'string' && !PLAIN_STRING.test(text)) || (kind === 'number' && !PLAIN_NUMBER.test(text))) {
        this.rarity ??= `${text.slice(0, 20)} is no plain text or number`;
      }
      if (text === '%') this.rarity ??= 'the operator % cannot be passed on';
    }
  }

  whole(): CelNode {
    const root = this.ternary();
    const rest = this.tokens[this.at];
    if (rest) throw new CelError(`the expression ends before '${this.expression.slice(rest.start, rest.start + 20)}'`);
    return root;
  }

  private ternary(): CelNode {
    if (++this.depth > MOST_DEPTH) throw new CelError(`the expression is nested deeper than ${MOST_DEPTH} levels`);
    const condition = this.binary(0);
    let node = condition;
    if (this.takes('?')) {
      const yes = this.ternary();
      this.expect(':');
      node = this.operation([condition, yes, this.ternary()]);
    }
    this.depth--;
    return node;
  }

  private binary(level: number): CelNode {
    const signs = LEVELS[level];
    if (!signs) return this.unary();
    let node = this.binary(level + 1);
    while (signs.includes(this.tokens[this.at]?.text ?? '') && this.tokens[this.at]!.kind !== 'string') {
      this.at++;
      node = this.operation([node, this.binary(level + 1)]);
    }
    return node;
  }

  private unary(): CelNode {
    const start = this.tokens[this.at]?.start ?? 0;
    if (this.takes('!') || this.takes('-')) {
      if (++this.depth > MOST_DEPTH) throw new CelError(`the expression is nested deeper than ${MOST_DEPTH} levels`);
      const operand = this.unary();
      this.depth--;
      return { kind: 'operation', start, end: operand.end, text: '', parts: [operand] };
    }
    return this.member();
  }

  private member(): CelNode {
    let node = this.primary();
    for (;;) {
      if (this.takes('.')) {
        const field = this.next('the name of a field');
        if (field.kind !== 'name') throw new CelError(`'${field.text}' is no name of a field`);
        node = this.takes('(')
          ? this.call(field.text, [node], node.start)
          : { kind: 'select', start: node.start, end: field.end, text: field.text, parts: [node] };
      } else if (this.takes('[')) {
        const index = this.ternary();
        const close = this.expect(']');
        node = { kind: 'index', start: node.start, end: close.end, text: '', parts: [node, index] };
      } else if ((node.kind === 'name' || node.kind === 'select') && this.takes('{')) node = this.fields(node.start);
      else return node;
    }
  }

  private primary(): CelNode {
    const token = this.next('a value');
    const { start, end, text } = token;
    if (token.kind === 'number') return { kind: 'literal', start, end, text, parts: [] };
    if (token.kind === 'string') return { kind: 'string', start, end, text: unquoted(text), parts: [] };
    if (token.kind === 'name') {
      if (LITERALS.has(text)) return { kind: 'literal', start, end, text, parts: [] };
      return this.takes('(') ? this.call(text, [], start) : { kind: 'name', start, end, text, parts: [] };
    }
    if (text === '[') {
      const list = this.call('', [], start, ']');
      return { ...list, kind: 'operation' };
    }
    if (text === '{') return this.fields(start);
    if (text === '.') return this.primary();
    if (text !== '(') throw new CelError(`there is '${text}' where a value should be`);
    const inner = this.ternary();
    const close = this.expect(')');
    return { kind: 'operation', start, end: close.end, text: '', parts: [inner] };
  }

  /** From behind the opening bracket. */
  private call(text: string, receiver: CelNode[], start: number, close = ')'): CelNode {
    const parts = [...receiver];
    if (this.tokens[this.at]?.text !== close) {
      do parts.push(this.ternary());
      while (this.takes(',') && this.tokens[this.at]?.text !== close);
    }
    return { kind: 'call', start, end: this.expect(close).end, text, parts };
  }

  /** Of a map or a message, from behind the opening brace. */
  private fields(start: number): CelNode {
    this.rarity ??= 'maps and messages cannot be passed on';
    const parts: CelNode[] = [];
    while (this.tokens[this.at]?.text !== '}') {
      parts.push(this.ternary());
      this.expect(':');
      parts.push(this.ternary());
      if (!this.takes(',')) break;
    }
    return { kind: 'operation', start, end: this.expect('}').end, text: '', parts };
  }

  private operation(parts: readonly CelNode[]): CelNode {
    return { kind: 'operation', start: parts[0]!.start, end: parts.at(-1)!.end, text: '', parts };
  }

  private takes(sign: string): boolean {
    const token = this.tokens[this.at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.at++;
    return true;
  }

  private expect(sign: string): Token {
    const token = this.next(`'${sign}'`);
    if (token.kind !== 'sign' || token.text !== sign)
      throw new CelError(`there is '${token.text}' where '${sign}' should be`);
    return token;
  }

  private next(wanted: string): Token {
    const token = this.tokens[this.at++];
    if (!token) throw new CelError(`the expression ends where ${wanted} should be`);
    return token;
  }
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}
