/** The control planes of a mesh, and which of them the Pods of a namespace have: its own, or that of a tag. */
import type { RoleBinding } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { DEFAULT_REVISION, REVISION_LABEL } from '../lib/api/revisions';
import type { ControlPlane } from './control-plane';
import { type Problem, problemAt } from './problem';

export class MeshRevisions {
  private readonly all: ControlPlane[] = [];
  private readonly chosen = new Map<string, string>();
  private readonly bindings: RoleBinding[] = [];

  constructor(private readonly mesh: Construct) {}

  get controlPlanes(): readonly ControlPlane[] {
    return this.all;
  }

  /** @throws when a revision or tag has its name already. */
  add(controlPlane: ControlPlane): void {
    const names = [controlPlane.revision, ...controlPlane.tags];
    const taken = [...this.all.flatMap(({ revision, tags }) => [revision, ...tags]), ...names].find(
      (name, at, before) => before.indexOf(name) < at,
    );
    if (taken !== undefined) {
      throw problemAt(this.mesh, {
        code: 'MAL0191',
        what: 'revisions and tags of a mesh have a name each, by which namespaces ask for them',
        got: `'${taken}' twice`,
        allowed: 'each name once',
        fix: `give one of them another name, or leave the tag '${taken}' out of one`,
      });
    }
    this.all.push(controlPlane);
    for (const binding of this.bindings) binding.addSubjects(...controlPlane.readers);
  }

  /** Lets every control plane do what the role allows, also those that are declared later. */
  bind(binding: RoleBinding): void {
    this.bindings.push(binding);
    binding.addSubjects(...this.all.flatMap(({ readers }) => readers));
  }

  choose(namespace: string, name: string): void {
    this.chosen.set(namespace, name);
  }

  /** Whom the Pods of a namespace have. */
  of(namespace: string): ControlPlane {
    const name = this.chosen.get(namespace);
    const found = this.all.find(({ revision, tags }) => name === revision || tags.includes(name ?? ''));
    return found ?? this.all[0]!;
  }

  /** The labels by which a namespace asks for its own. */
  labelsOf(namespace: string): Record<string, string> {
    const [first] = this.all;
    const isDefault = first!.tags.includes(DEFAULT_REVISION);
    const name = this.chosen.get(namespace) ?? (isDefault ? DEFAULT_REVISION : first!.revision);
    return name === DEFAULT_REVISION ? { 'istio-injection': 'enabled' } : { [REVISION_LABEL]: name };
  }

  /** Namespaces that ask for what nobody is called. */
  unknown(): Problem[] {
    const known = this.all.flatMap(({ revision, tags }) => [revision, ...tags]);
    return [...this.chosen]
      .filter(([, name]) => !known.includes(name))
      .map(([namespace, name]) => ({
        code: 'MAL0192',
        what: `the Pods of namespace ${namespace} would wait for a control plane that this program does not know`,
        got: `mesh.addNamespaceRevision('${namespace}', '${name}')`,
        allowed: known.join(', '),
        fix: `mesh.addRevision({ revision: '${name}' }), or tags: ['${name}'] of one that is there`,
      }));
  }
}
