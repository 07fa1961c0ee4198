/** How objects of the Gateway API name others. */
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { int32, message, text } from '../schema';

/** The group of the Gateway API itself. */
export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

const GROUP = '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const KIND = '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$';
const LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

export const group = (description: string) => text(description, { maxLength: 253, pattern: GROUP });
export const kindName = (description: string) => text(description, { minLength: 1, maxLength: 63, pattern: KIND });
export const objectName = (description: string) => text(description, { minLength: 1, maxLength: 253 });
export const namespaceName = (description: string) =>
  text(description, { minLength: 1, maxLength: 63, pattern: LABEL });
export const sectionName = (description: string) =>
  text(description, { minLength: 1, maxLength: 253, pattern: SUBDOMAIN });
export const portNumber = (description: string) => int32(description, { minimum: 1, maximum: 65535 });
export const hostname = (description: string) =>
  text(description, {
    minLength: 1,
    maxLength: 253,
    pattern: '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  });
export const preciseHostname = (description: string) =>
  text(description, { minLength: 1, maxLength: 253, pattern: SUBDOMAIN });

/** Any JSON value: settings of other implementations. */
export const anything = (description: string): TSchema => Type.Any({ description });

export const ParentReference = message(
  {
    group: group('The group of the parent. Default: the group of the Gateway API.'),
    kind: kindName('The kind of the parent: `Gateway` (the default), `ListenerSet` or `Service`.'),
    namespace: namespaceName('Its namespace. Default: that of the route.'),
    name: objectName('Its name.'),
    sectionName: sectionName('One listener of it. Default: all that allow the route.'),
    port: portNumber('The listeners, or the port of the Service, with this number. Default: all.'),
  },
  { description: 'What a route is attached to.', required: ['name'] },
);
export type ParentReference = Static<typeof ParentReference>;

const backendFields = {
  group: group('The group of the backend. Default: the core group.'),
  kind: kindName('The kind of the backend. Default: `Service`.'),
  namespace: namespaceName('Its namespace. Default: that of the route; another one has to grant it.'),
  name: objectName('Its name.'),
  port: portNumber('The port of the Service.'),
};

export const BackendObjectReference = message(backendFields, {
  description: 'A service that gets requests.',
  required: ['name'],
});
export type BackendObjectReference = Static<typeof BackendObjectReference>;

export const backendRefFields = {
  ...backendFields,
  weight: int32('The share of the requests, relative to the other backends of the rule. Default 1.', {
    minimum: 0,
    maximum: 1_000_000,
  }),
};

export const BackendRef = message(backendRefFields, {
  description: 'One of the services among which a rule splits its requests.',
  required: ['name'],
});
export type BackendRef = Static<typeof BackendRef>;

export const LocalObjectReference = message(
  { group: group('The group.'), kind: kindName('The kind.'), name: objectName('The name.') },
  { description: 'An object of the same namespace.', required: ['group', 'kind', 'name'] },
);
export type LocalObjectReference = Static<typeof LocalObjectReference>;

export const SecretObjectReference = message(
  {
    group: group('The group. Default: the core group.'),
    kind: kindName('The kind. Default: `Secret`.'),
    namespace: namespaceName('The namespace. Default: that of the object; another one has to grant it.'),
    name: objectName('The name.'),
  },
  { description: 'A Secret with a certificate and its key.', required: ['name'] },
);
export type SecretObjectReference = Static<typeof SecretObjectReference>;

export const ObjectReference = message(
  {
    group: group('The group.'),
    kind: kindName('The kind.'),
    namespace: namespaceName('The namespace. Default: that of the object; another one has to grant it.'),
    name: objectName('The name.'),
  },
  { description: 'An object, perhaps of another namespace.', required: ['group', 'kind', 'name'] },
);
export type ObjectReference = Static<typeof ObjectReference>;
