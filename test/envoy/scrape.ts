/** What a proxy's metrics say, read from where Prometheus scrapes them. */
import type { RunningMesh } from '../../lib/local';

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const METRICS_PORT = 15090;

/** All series of a proxy. @param pod `NAME.NAMESPACE` */
export async function scrape(mesh: RunningMesh, pod: string): Promise<Series[]> {
  return parsePage(await page(mesh, pod));
}

/** The text as it is. */
export async function page(mesh: RunningMesh, pod: string): Promise<string> {
  const { host, port } = await mesh.address(pod, METRICS_PORT);
  return (await fetch(`http://${host}:${port}/stats/prometheus`)).text();
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function parsePage(text: string): Series[] {
  return text
    .split('\n')
    .map((line) => /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', labels = '', value]) => ({ name, labels: labelsIn(labels), value: Number(value) }));
}

function labelsIn(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  // To Prometheus, an empty label is none.
  const given = pairs.filter(([, , value]) => value !== '');
  return Object.fromEntries(
    given.map(([, name = '', value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char)),
    ]),
  );
}
