/**
 * Who looks at the mesh, as the text that keys whatever depends on it: `NAMESPACE`, then, where a Sidecar narrows the
 * view, `@SCOPE`, and `#LISTENER` for the part behind one of its egress listeners; then, where DestinationRules tell
 * the workloads of the namespace apart, `?LABELS`.
 */
import type { Labels } from './labels';

export type Viewer = string;

interface ViewerParts {
  readonly namespace: string;
  /** The digest of a scope; undefined: everything that the namespace sees. */
  readonly scope?: string;
  /** One of the scope's egress listeners; undefined: all of them. */
  readonly listener?: number;
  /** The labels by which DestinationRules select workloads. */
  readonly labels: Labels;
}

const noLabels: Labels = Object.freeze({});

/** @param labels as JSON, in a fixed order; empty where they make no difference. */
export function viewerOf(namespace: string, scope?: string, labels = ''): Viewer {
  return `${namespace}${scope ? `@${scope}` : ''}${labels ? `?${labels}` : ''}`;
}

/** The same viewer, as far as it can see through one egress listener. */
export function throughListener(viewer: Viewer, listener: number): Viewer {
  const labels = viewer.indexOf('?');
  return labels < 0 ? `${viewer}#${listener}` : `${viewer.slice(0, labels)}#${listener}${viewer.slice(labels)}`;
}

export function namespaceOf(viewer: Viewer): string {
  const end = viewer.search(/[@?]/);
  return end < 0 ? viewer : viewer.slice(0, end);
}

/** The viewer without what only DestinationRules ask for. */
export function withoutLabels(viewer: Viewer): Viewer {
  const at = viewer.indexOf('?');
  return at < 0 ? viewer : viewer.slice(0, at);
}

export function partsOfViewer(viewer: Viewer): ViewerParts {
  const at = viewer.indexOf('?');
  const labels = at < 0 ? noLabels : (JSON.parse(viewer.slice(at + 1)) as Labels);
  const [rest = '', listener] = withoutLabels(viewer).split('#');
  const [namespace = '', scope] = rest.split('@');
  return { namespace, scope, listener: listener === undefined ? undefined : Number(listener), labels };
}
