/** Labels by which what Malha has made is told from everything else of a cluster: `malha uninstall` goes by them. */

/** Bears the namespace of the control plane that an object belongs to. */
export const MESH_LABEL = 'malha.dev/mesh';

/** On what belongs to no mesh alone, the definitions of the kinds. https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export const PART_OF_MALHA: Readonly<Record<string, string>> = { 'app.kubernetes.io/part-of': 'malha' };

export const meshLabel = (namespace: string): Record<string, string> => ({ [MESH_LABEL]: namespace });

/**
 * The ClusterRole, without rules, that owns what is published for the cluster: taking the manifests away takes that away too. It is
 * no revision's, because what is published outlives each of them.
 */
export const meshAnchorName = (namespace: string): string => `malha-mesh-${namespace}`;
