/** A program whose routes are written in either API, asked in real Envoys: at its gateway and from a service of the mesh. */
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { up } from '../../lib/local';
import { APIS, BookProgram, REQUESTS } from '../constructs/route-api-program';
import { ManifestFolder } from './manifests';
import { requests } from './pod-client';

jest.setTimeout(180_000);

const HOST = 'shop.localhost';

/** Who answers each request, or with which status a proxy does. */
async function answersOf(program: BookProgram): Promise<string[]> {
  const folder = new ManifestFolder({ 'program.yaml': program.objects });
  const mesh = await up({ dir: folder.path, port: 0 });
  try {
    const pods = mesh.objects.filter(({ kind }) => kind === 'Pod').map(({ metadata: { name } }) => name);
    const podOf = (workload: string) => pods.find((name) => name.startsWith(workload))!;
    const edge = await mesh.address(`${podOf('edge')}.shop`, 8080);
    const asked = REQUESTS.map((each) => ({ ...each, url: `http://reviews:9080${each.path}` }));
    const inMesh = await requests(mesh, `${podOf('page')}.shop`, asked);
    const atEdge = await Promise.all(REQUESTS.map((each) => ask(edge, each)));
    return [...atEdge, ...inMesh.map(({ status, echo }) => echo?.version ?? String(status))];
  } finally {
    await mesh.stop();
    folder.remove();
  }
}

function ask(
  edge: { host: string; port: number },
  { path, method, headers }: (typeof REQUESTS)[number],
): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ ...edge, path, method, headers: { ...headers, host: HOST } }, (response) => {
      text(response).then((body) => {
        resolve(
          response.statusCode === 200 ? (JSON.parse(body) as { version: string }).version : String(response.statusCode),
        );
      }, reject);
    }).on('error', reject);
  });
}

test('a program behaves the same in real Envoys, whichever API its routes are written in', async () => {
  const istio = await answersOf(new BookProgram(APIS.istio));
  expect(new Set(istio)).toEqual(new Set(['v1', 'v2', '404']));
  expect(await answersOf(new BookProgram(APIS.gatewayApi))).toEqual(istio);
});
