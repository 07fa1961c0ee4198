/** Where one mesh ends: the certificates of one are not good in another, and neither's control plane knows the other's services. */
import type { IConstruct } from 'constructs';
import type { Mesh } from './mesh';
import { problemAt } from './problem';

/** A service or gateway of this program. One that `MeshService.fromAttributes` names has no mesh here. */
interface Member {
  readonly mesh?: Mesh;
  readonly node?: IConstruct['node'];
}

/** @throws when `other` is a member of another mesh than `member`. */
export function checkSameMesh(member: IConstruct & { readonly mesh: Mesh }, what: string, other: object): void {
  const { mesh, node } = other as Member;
  if (mesh === undefined || mesh === member.mesh) return;
  throw problemAt(member, {
    code: 'MAL0123',
    what: `${what} belongs to another mesh`,
    got: `${node?.path} of ${whose(mesh, member)}`,
    allowed: `services of the mesh '${member.mesh.node.path}'`,
    fix: 'pass one Mesh to both; what another program declares in this mesh is MeshService.fromAttributes(…), what is elsewhere new ExternalService(…)',
  });
}

/** @throws when a member stands in another app than its mesh, where it would be neither checked nor written with it. */
export function checkSameApp(member: IConstruct, mesh: Mesh): void {
  if (member.node.root === mesh.node.root) return;
  throw problemAt(member, {
    code: 'MAL0123',
    what: 'a service or gateway stands in the app of its mesh',
    got: whose(mesh, member),
    allowed: 'a mesh of the same app',
    fix: 'declare the Mesh in this app, or this construct in the app of the mesh',
  });
}

function whose(mesh: Mesh, seen: IConstruct): string {
  return `the mesh '${mesh.node.path}'${mesh.node.root === seen.node.root ? '' : ' of another app'}`;
}
