/**
 * Labels of metrics, all in one. Envoy pays for each label of each metric with each request, and for one label less than
 * a tenth of what it pays for twenty. So it keeps one, which the metrics page takes apart where it is scraped:
 * `reporter=source;source=web-v1,shop,…;destination=…;response_code=200`.
 *
 * The text is items between `;`. `LABEL=VALUE` is one label. `GROUP=VALUE,VALUE,…` is all labels of a group, by their
 * place. `caller=PRINCIPAL` is `source_principal`, and `source_workload_namespace` as the principal says. `!LABEL`,
 * before all others, leaves a label out. In groups and principals a value that is missing, empty or `-` (what Envoy writes
 * for what it does not know) says `unknown`.
 */

/** The label that holds the others. */
export const PACKED_LABEL = 'malha_labels';

/** What is said of either end, with the prefix `source_` or `destination_`. */
export const END_LABELS = [
  'workload',
  'workload_namespace',
  'principal',
  'app',
  'version',
  'cluster',
  'canonical_service',
  'canonical_revision',
] as const;
export type EndLabel = (typeof END_LABELS)[number];

export const SERVICE_LABELS = [
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
] as const;

/** What a label says when nothing is known. */
export const UNKNOWN = 'unknown';

/** What comes from one place for an end: all but the principal, which connections know. */
export const WORKLOAD_LABELS = END_LABELS.filter((label) => label !== 'principal');
export type WorkloadLabel = Exclude<EndLabel, 'principal'>;

/** The labels of each group, by their place. */
export const LABEL_GROUPS = {
  source: WORKLOAD_LABELS.map((label) => `source_${label}`),
  destination: WORKLOAD_LABELS.map((label) => `destination_${label}`),
  service: SERVICE_LABELS,
  /** What a client's proxy says of its workload; the certificate tells the rest. */
  peer: ['workload', 'app', 'version', 'canonical_service', 'canonical_revision'].map((label) => `source_${label}`),
} as const satisfies Record<string, readonly string[]>;

/** The key of a caller's principal, and what it tells. */
export const CALLER = { key: 'caller', labels: ['source_principal', 'source_workload_namespace'] } as const;

/** The labels that an item of this key sets. */
export function labelsOfItem(key: string): readonly string[] {
  if (key === CALLER.key) return CALLER.labels;
  return Object.hasOwn(LABEL_GROUPS, key) ? LABEL_GROUPS[key as keyof typeof LABEL_GROUPS] : [key];
}

/** The values of an end, by their place, for an item of its group. */
export function packedWorkload(values: Readonly<Partial<Record<WorkloadLabel, string>>>): string {
  return packedValues(WORKLOAD_LABELS.map((label) => values[label as WorkloadLabel]));
}

/** Values by their place; what would end a value, an item or the text is written as `%XX`. */
export function packedValues(values: readonly (string | undefined)[]): string {
  return values.map((value) => encoded(value ?? '')).join(',');
}

function encoded(value: string): string {
  return value.replace(SPECIAL, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Characters of the text's own, and those that Envoy or Prometheus would escape in a label. */
const SPECIAL = /[%,;="\\\n\r\t]/g;
