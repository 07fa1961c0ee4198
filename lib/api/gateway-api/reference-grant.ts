import type { MeshObject } from '../kind';
import { list, message, type Static } from '../schema';
import { gatewayApiKind } from './kind';
import { group, kindName, namespaceName, objectName } from './reference';

export const ReferenceGrantSpec = message(
  {
    from: list(
      message(
        { group: group('The group.'), kind: kindName('The kind.'), namespace: namespaceName('The namespace.') },
        { description: 'Who may refer.', required: ['group', 'kind', 'namespace'] },
      ),
      'Who may refer to objects of this namespace.',
      { minItems: 1, maxItems: 16 },
    ),
    to: list(
      message(
        { group: group('The group.'), kind: kindName('The kind.'), name: objectName('The name. Default: all.') },
        { description: 'What may be referred to.', required: ['group', 'kind'] },
      ),
      'What they may refer to.',
      { minItems: 1, maxItems: 16 },
    ),
  },
  { description: 'Lets objects of other namespaces refer to objects of this one.', required: ['from', 'to'] },
);
export type ReferenceGrantSpec = Static<typeof ReferenceGrantSpec>;
export type ReferenceGrant = MeshObject<ReferenceGrantSpec>;

export const ReferenceGrant = gatewayApiKind({
  kind: 'ReferenceGrant',
  plural: 'referencegrants',
  versions: ['v1', 'v1beta1'],
  shortNames: ['refgrant'],
  description: 'Lets objects of other namespaces refer to objects of this one.',
  schema: ReferenceGrantSpec,
  specRequired: true,
});
