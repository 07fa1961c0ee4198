/** How findings write the place of a field: `spec.http[0].match["a.b"]`. */

/** Appends one step. Keys that are not plain words stand in quotes. */
export function join(path: string, step: string | number): string {
  if (typeof step === 'number') {
    return `${path}[${step}]`;
  }
  if (!/^[A-Za-z_][\w-]*$/.test(step)) {
    return `${path}[${JSON.stringify(step.slice(0, 253))}]`;
  }
  return path ? `${path}.${step}` : step;
}

/** Turns a JSON pointer into `value`, as ajv writes it, into a path below `base`. */
export function pathOfPointer(base: string, pointer: string, value: unknown): string {
  let path = base;
  let at = value;
  for (const raw of pointer.split('/').slice(1)) {
    const step = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    path = join(path, Array.isArray(at) ? Number(step) : step);
    at = (at as Record<string, unknown> | undefined)?.[step];
  }
  return path;
}
