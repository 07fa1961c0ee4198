/** Names that Kubernetes accepts. */

/** RFC 1035 label: what a Service may be called. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name);
}
