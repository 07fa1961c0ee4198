import type { MeshObject } from '../kind';
import { message, type Static, text, unserved } from '../schema';
import { gatewayApiKind } from './kind';
import { group, kindName, namespaceName, objectName } from './reference';

export const GatewayClassSpec = message(
  {
    controllerName: text('Who manages the Gateways of this class; Malha is `malha.dev/gateway-controller`.', {
      minLength: 1,
      maxLength: 253,
    }),
    description: text('For people.', { maxLength: 64 }),
    parametersRef: unserved(
      message(
        {
          group: group('The group.'),
          kind: kindName('The kind.'),
          name: objectName('The name.'),
          namespace: namespaceName('The namespace.'),
        },
        { description: 'Settings of the controller.', required: ['group', 'kind', 'name'] },
      ),
    ),
  },
  { description: 'A class of Gateways.', required: ['controllerName'] },
);
export type GatewayClassSpec = Static<typeof GatewayClassSpec>;
export type GatewayClass = MeshObject<GatewayClassSpec>;

export const GatewayClass = gatewayApiKind({
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  versions: ['v1', 'v1beta1'],
  shortNames: ['gc'],
  description: 'A class of Gateways, and who manages them.',
  schema: GatewayClassSpec,
  specRequired: true,
});
