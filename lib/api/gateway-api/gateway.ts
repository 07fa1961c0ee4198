/** Gateway and ListenerSet: where traffic comes in. */
import type { MeshObject } from '../kind';
import { choice, list, message, type Static, text, textMap, unserved } from '../schema';
import { LabelSelector } from '../selector';
import { gatewayApiKind } from './kind';
import {
  group,
  hostname,
  kindName,
  LocalObjectReference,
  namespaceName,
  ObjectReference,
  objectName,
  portNumber,
  SecretObjectReference,
  sectionName,
} from './reference';

export const RouteNamespaces = message(
  {
    from: choice(['All', 'Selector', 'Same'], 'Which namespaces. Default: that of the Gateway.'),
    selector: LabelSelector,
  },
  { description: 'The namespaces from which routes may be attached.' },
);

export const AllowedRoutes = message(
  {
    namespaces: RouteNamespaces,
    kinds: list(
      message(
        { group: group('The group. Default: that of the Gateway API.'), kind: kindName('The kind.') },
        { description: 'A kind of routes.', required: ['kind'] },
      ),
      'The kinds of routes. Default: all that fit the protocol.',
      { maxItems: 8 },
    ),
  },
  { description: 'Which routes may be attached to the listener.' },
);
export type AllowedRoutes = Static<typeof AllowedRoutes>;

export const Listener = message(
  {
    name: sectionName('Its name within the object.'),
    hostname: hostname('The hosts that it answers for: a name or `*.example.com`. Default: all.'),
    port: portNumber('The port that clients connect to.'),
    protocol: text('`HTTP`, `HTTPS`, `TLS` or `TCP`.', { minLength: 1, maxLength: 255 }),
    tls: message(
      {
        mode: choice(['Terminate', 'Passthrough'], 'Where TLS ends: here (the default), or at the backend.'),
        certificateRefs: list(SecretObjectReference, 'The certificates that it shows.', { maxItems: 64 }),
        options: textMap('Settings of implementations.'),
      },
      { description: 'How TLS is served.' },
    ),
    allowedRoutes: AllowedRoutes,
  },
  { description: 'One logical endpoint of a Gateway.', required: ['name', 'port', 'protocol'] },
);
export type Listener = Static<typeof Listener>;

const FrontendTls = message(
  {
    validation: message(
      {
        caCertificateRefs: list(
          ObjectReference,
          'Who may have signed the certificates of clients: ConfigMaps or Secrets with `ca.crt`.',
          {
            minItems: 1,
            maxItems: 16,
          },
        ),
        mode: choice(
          ['AllowValidOnly', 'AllowInsecureFallback'],
          'Whether a connection without a valid certificate is refused (the default) or let in.',
        ),
      },
      { description: 'How the certificates of clients are checked.', required: ['caCertificateRefs'] },
    ),
  },
  { description: 'TLS towards clients.' },
);

export const GatewaySpec = message(
  {
    gatewayClassName: objectName('The GatewayClass.'),
    listeners: list(Listener, 'Where it listens.', { maxItems: 64 }),
    addresses: list(
      message({ type: text('The type. Default: `IPAddress`.'), value: text('The address.', { maxLength: 253 }) }),
      'Addresses that it should have.',
      { maxItems: 16 },
    ),
    infrastructure: message(
      {
        labels: textMap('Labels for all that is made for the Gateway.', { maxProperties: 8 }),
        annotations: textMap('Annotations for all that is made for the Gateway.', { maxProperties: 16 }),
        parametersRef: LocalObjectReference,
      },
      { description: 'What is made for the Gateway.' },
    ),
    allowedListeners: message(
      {
        namespaces: message(
          {
            from: choice(['All', 'Selector', 'Same', 'None'], 'Which namespaces. Default: none.'),
            selector: LabelSelector,
          },
          { description: 'The namespaces from which ListenerSets may be attached.' },
        ),
      },
      { description: 'Which ListenerSets may be attached.' },
    ),
    tls: message(
      {
        frontend: message(
          {
            default: FrontendTls,
            perPort: list(
              message(
                { port: portNumber('The port.'), tls: FrontendTls },
                { description: 'TLS towards clients at one port.', required: ['port', 'tls'] },
              ),
              'What differs at single ports.',
              { maxItems: 64 },
            ),
          },
          { description: 'TLS towards clients.', required: ['default'] },
        ),
        backend: message({ clientCertificateRef: SecretObjectReference }, { description: 'TLS towards backends.' }),
      },
      { description: 'TLS for the whole Gateway.' },
    ),
    defaultScope: unserved(text('Whether routes without a parent are attached.')),
  },
  { description: 'Where traffic comes in.', required: ['gatewayClassName', 'listeners'] },
);
export type GatewaySpec = Static<typeof GatewaySpec>;
export type Gateway = MeshObject<GatewaySpec>;

export const Gateway = gatewayApiKind({
  kind: 'Gateway',
  plural: 'gateways',
  versions: ['v1', 'v1beta1'],
  shortNames: ['gtw'],
  description: 'Where traffic comes in, by the Gateway API.',
  schema: GatewaySpec,
  specRequired: true,
});

export const ListenerSetSpec = message(
  {
    parentRef: message(
      {
        group: group('The group. Default: that of the Gateway API.'),
        kind: kindName('The kind. Default: `Gateway`.'),
        name: objectName('The name.'),
        namespace: namespaceName('The namespace. Default: that of the ListenerSet.'),
      },
      { description: 'The Gateway that gets the listeners.', required: ['name'] },
    ),
    listeners: list(Listener, 'Further listeners of the Gateway.', { minItems: 1, maxItems: 64 }),
  },
  { description: 'Listeners that another team adds to a Gateway.', required: ['parentRef', 'listeners'] },
);
export type ListenerSetSpec = Static<typeof ListenerSetSpec>;
export type ListenerSet = MeshObject<ListenerSetSpec>;

export const ListenerSet = gatewayApiKind({
  kind: 'ListenerSet',
  plural: 'listenersets',
  versions: ['v1'],
  shortNames: ['lset'],
  description: 'Listeners that another team adds to a Gateway.',
  schema: ListenerSetSpec,
  specRequired: true,
});
