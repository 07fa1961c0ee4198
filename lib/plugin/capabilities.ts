/** What a plugin is able to do. */
import type { PatchableResource } from '../pilot/patch/resource-patch';

/** Left out is not allowed. */
export interface Capabilities {
  /** Writes objects of these kinds, and no others. */
  readonly construct?: { readonly kinds: readonly string[] };
  /** Judges objects of these kinds, and sees no others. */
  readonly rules?: { readonly kinds: readonly string[] };
  /** Changes Envoy's resources of these types. */
  readonly patches?: { readonly resources: readonly PatchableResource[] };
  /** Decides about requests. */
  readonly checks?: {
    /** The request headers that its checks see, in lower case. */
    readonly headers?: readonly string[];
    /** The headers that its checks may add to a request that they allow, in lower case. */
    readonly adds?: readonly string[];
  };
  /** Adds these tags to metrics and spans. */
  readonly tags?: { readonly names: readonly string[] };
}

/** What a plugin is made of, each with the capability of the same name. */
export const PARTS = ['construct', 'rules', 'patches', 'checks', 'tags'] as const;

export type Part = (typeof PARTS)[number];

/** The lists that each capability consists of, and what their entries look like. */
const LISTS: Record<Part, Readonly<Record<string, { optional?: true; pattern: RegExp; allowed: string }>>> = {
  construct: { kinds: { pattern: /^[A-Z][A-Za-z0-9]{0,62}$/, allowed: 'kinds of objects, such as ConfigMap' } },
  rules: { kinds: { pattern: /^[A-Z][A-Za-z0-9]{0,62}$/, allowed: 'kinds of objects, such as VirtualService' } },
  patches: { resources: { pattern: /^(cluster|listener|route)$/, allowed: 'cluster, listener and route' } },
  checks: {
    headers: {
      optional: true,
      pattern: headerName(),
      allowed: 'names of headers in lower case, none that starts with :',
    },
    adds: { optional: true, pattern: headerName(), allowed: 'names of headers in lower case, none that starts with :' },
  },
  tags: {
    names: { pattern: /^[a-z_][a-z0-9_]{0,62}$/, allowed: 'names of lower-case letters, digits and underscores' },
  },
};

function headerName(): RegExp {
  return /^[a-z0-9!#$&'*+.^_`|~-]{1,128}$/;
}

/** What is wrong with what was declared; a plugin need not have been written in TypeScript. */
export function capabilityProblems(capabilities: unknown): string[] {
  if (typeof capabilities !== 'object' || capabilities === null || Array.isArray(capabilities)) {
    return [`capabilities has to be an object with any of ${PARTS.join(', ')}`];
  }
  return Object.entries(capabilities).flatMap(([part, declared]) => {
    if (!isPart(part)) return [`there is no capability '${part}'; allowed: ${PARTS.join(', ')}`];
    return declared === undefined ? [] : listProblems(part, declared);
  });
}

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

function listProblems(part: Part, declared: unknown): string[] {
  const lists = LISTS[part];
  if (typeof declared !== 'object' || declared === null) {
    return [`capabilities.${part} has to be an object with ${Object.keys(lists).join(', ')}`];
  }
  const unknown = Object.keys(declared).filter((name) => !Object.hasOwn(lists, name));
  return [
    ...unknown.map((name) => `capabilities.${part} has no ${name}; allowed: ${Object.keys(lists).join(', ')}`),
    ...Object.entries(lists).flatMap(([name, { optional, pattern, allowed }]) => {
      const list = (declared as Record<string, unknown>)[name];
      if (list === undefined && optional) return [];
      const isRight = Array.isArray(list) && list.every((each) => typeof each === 'string' && pattern.test(each));
      return isRight ? [] : [`capabilities.${part}.${name} has to list ${allowed}`];
    }),
  ];
}
