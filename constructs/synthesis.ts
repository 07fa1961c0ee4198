/**
 * The check of the whole program: every object that would be written, ours and everyone else's, is judged alone and
 * together with all others, and everything that is wrong is told at once, with the construct that wrote it.
 */
import { ApiObject, Chart } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import type { KubeObject } from '../lib/api/object';
import { objectKey, objectName } from '../lib/api/object';
import { CONSTRUCT_ANNOTATION, originOf, withOrigin } from '../lib/api/origin';
import { type AnalyzeOptions, analyze, type Finding, type NamedRule, once, validate } from '../lib/galley';
import { budgetLine, seriesBudgets } from '../lib/graph/series-budget';
import { complete, World } from '../lib/world';
import { findingsText } from './findings-text';
import { keepOrder, keepRendered } from './rendered';

/** Roots that are checked already; several meshes of one app are one program. */
const checked = new WeakMap<IConstruct, Synthesis>();
/** Constructs whose objects are our own doing. */
const ours = new WeakSet<IConstruct>();

/** Rules of plugins, by the root of the program that uses them. */
const rulesOfPlugins = new WeakMap<IConstruct, NamedRule[]>();

/** Has synthesis of the app judge everything in it by these rules too. */
export function rulesAtSynthesis(construct: IConstruct, rules: readonly NamedRule[]): void {
  const { root } = construct.node;
  rulesOfPlugins.set(root, [...(rulesOfPlugins.get(root) ?? []), ...rules]);
}

/** Says that what stands below `construct` is written by Malha, not by hand: there a field without effect is a bug. */
export function writtenByMalha<T extends IConstruct>(construct: T): T {
  ours.add(construct);
  return construct;
}

/**
 * Has synthesis of the app check everything in it.
 * @param isMeasured metrics are stored: how many series there may be is told, too.
 */
export function checkAtSynthesis(construct: Construct, rootNamespace: string, isMeasured = false): void {
  const { root } = construct.node;
  const known = checked.get(root);
  if (known) {
    known.isMeasured ||= isMeasured;
    return;
  }
  const synthesis = new Synthesis(root, rootNamespace);
  synthesis.isMeasured = isMeasured;
  checked.set(root, synthesis);
  root.node.addValidation({
    validate: () => {
      synthesis.check();
      return [];
    },
  });
}

/**
 * One run of `app.synth()` or `app.synthYaml()`. cdk8s validates once more for each chart that it writes; within one
 * run nothing changes in between, so everything is judged and rendered once. Outside of a run (a chart asked for its
 * objects by a test, Pulumi) each question is answered anew.
 */
class Synthesis {
  private running = false;
  private done = false;
  private kept: (() => void)[] = [];
  /** Somebody stores the metrics, and wants to know how many there are. */
  isMeasured = false;

  constructor(
    private readonly root: IConstruct,
    private readonly rootNamespace: string,
  ) {
    const methods = root as unknown as Record<string, unknown>;
    for (const name of ['synth', 'synthYaml']) {
      const original = methods[name];
      if (typeof original === 'function')
        methods[name] = (...args: unknown[]) => this.run(() => original.apply(root, args));
    }
  }

  check(): void {
    if (this.running && this.done) return;
    const objects = check(this.root, this.rootNamespace);
    if (!this.running) return;
    this.done = true;
    if (this.isMeasured) tellBudget(objects);
    const charts = this.root.node.findAll().filter((construct) => Chart.isChart(construct));
    this.kept = [
      ...objects.map(([object, json]) => keepRendered(object, withWriter(json, pathOf(object)))),
      ...charts.map(keepOrder),
    ];
  }

  private run<T>(synthesize: () => T): T {
    [this.running, this.done] = [true, false];
    try {
      return synthesize();
    } finally {
      this.running = false;
      for (const forget of this.kept.splice(0)) forget();
    }
  }
}

/**
 * @returns what was rendered.
 * @throws when anything is wrong; what is merely doubtful goes to standard error.
 */
function check(root: IConstruct, rootNamespace: string): [ApiObject, KubeObject][] {
  const constructs = root.node.findAll();
  const program = rendered(constructs);
  const findings = findingsOf(program, complaintsOf(constructs, root), {
    rootNamespace,
    rules: rulesOfPlugins.get(root),
  });
  const errors = findings.filter(({ level }) => level === 'error');
  const warnings = findings.filter(({ level }) => level === 'warning');
  if (warnings.length > 0) process.stderr.write(`${findingsText(warnings)}\n`);
  if (errors.length > 0) throw new Error(findingsText(errors));
  return [...program.objects];
}

function tellBudget(program: readonly [ApiObject, KubeObject][]): void {
  const objects = complete(program.map(([, object]) => object));
  const line = budgetLine(seriesBudgets(World.of(objects), objects));
  if (line) process.stderr.write(`${line}\n`);
}

/** Other constructs' own validations are told together with ours, not after ours are mended. */
function complaintsOf(constructs: readonly IConstruct[], root: IConstruct): Finding[] {
  return constructs
    .filter((construct) => construct !== root)
    .flatMap((construct) => construct.node.validate().map((text) => complaint(construct, text)));
}

function findingsOf(program: Rendered, complaints: readonly Finding[], options: AnalyzeOptions): Finding[] {
  const objects = [...program.objects.values()];
  const writers = new Map([...program.objects.keys()].map((writer) => [pathOf(writer), writer]));
  const judged = once([...objects.flatMap((object) => validate(object)), ...analyze(objects, options)]);
  return [
    ...complaints,
    ...program.failures,
    ...twice(objects),
    ...judged.map((finding) => escalated(finding, writers)),
  ];
}

interface Rendered {
  readonly objects: ReadonlyMap<ApiObject, KubeObject>;
  readonly failures: readonly Finding[];
}

function rendered(constructs: readonly IConstruct[]): Rendered {
  const objects = new Map<ApiObject, KubeObject>();
  const failures: Finding[] = [];
  for (const construct of constructs) {
    if (!ApiObject.isApiObject(construct)) continue;
    try {
      objects.set(construct, withOrigin(construct.toJson() as KubeObject, { construct: pathOf(construct) }));
    } catch (error) {
      failures.push(complaint(construct, (error as Error).message));
    }
  }
  return { objects, failures };
}

/** Of policies: `malha explain`, which sees manifests alone, names the construct to go to. */
function withWriter(object: KubeObject, construct: string): KubeObject {
  if (!object.apiVersion.startsWith('security.istio.io/')) return object;
  const annotations = { ...object.metadata.annotations, [CONSTRUCT_ANNOTATION]: construct };
  return withOrigin({ ...object, metadata: { ...object.metadata, annotations } }, { construct });
}

/** The construct that a program's author knows: cdk8s-plus keeps the object itself in a child called Resource. */
function pathOf(construct: IConstruct): string {
  return construct.node.path.replace(/\/Resource$/, '');
}

/** A construct's own validation: the code is the first word where it is ours. */
function complaint(construct: IConstruct, text: string): Finding {
  const match = /^(MAL\d{4}) (.*?)(?:; fix: (.*))?$/s.exec(text);
  return {
    code: match?.[1] ?? 'MAL0100',
    level: 'error',
    analyzer: 'constructs',
    resource: construct.node.path,
    construct: pathOf(construct),
    message: match?.[2] ?? text,
    ...(match?.[3] && { fix: match[3] }),
  };
}

function twice(objects: readonly KubeObject[]): Finding[] {
  const first = new Map<string, KubeObject>();
  const findings: Finding[] = [];
  for (const object of objects) {
    const other = first.get(objectKey(object));
    if (!other) {
      first.set(objectKey(object), object);
      continue;
    }
    findings.push({
      code: 'MAL0107',
      level: 'error',
      analyzer: 'constructs',
      resource: objectName(object),
      construct: originOf(object)?.construct,
      message: `one object is written by two constructs; got: here and at ${originOf(other)?.construct}; allowed: one of them`,
      fix: 'give one of them another name, or remove it',
    });
  }
  return findings;
}

/** A field of our own objects that has no effect is a promise that the mesh does not keep. */
function escalated(finding: Finding, writers: ReadonlyMap<string, IConstruct>): Finding {
  if (finding.code !== 'MAL0001') return finding;
  const writer = writers.get(finding.construct ?? '');
  return writer?.node.scopes.some((scope) => ours.has(scope)) ? { ...finding, level: 'error' } : finding;
}
