/** Who may see an object: `exportTo` of Services, ServiceEntries, VirtualServices and DestinationRules. */

/** The annotation by which a Kubernetes Service says what others say in their spec. */
export const EXPORT_TO_ANNOTATION = 'networking.istio.io/exportTo';

/**
 * Whether an object of namespace `owner` can be seen from namespace `viewer`.
 * `*` is everyone, `.` the own namespace, `~` no one, anything else a namespace's name.
 *
 * @param exportTo as written on the object; empty or absent means `fallback`.
 * @param fallback the mesh-wide default (`defaultServiceExportTo` …), `['*']` in the API.
 */
export function isVisible(
  exportTo: readonly string[] | undefined,
  owner: string,
  viewer: string,
  fallback: readonly string[] = ['*'],
): boolean {
  const targets = exportTo?.length ? exportTo : fallback;
  return targets.some((target) => target === '*' || (target === '.' ? owner : target) === viewer);
}
