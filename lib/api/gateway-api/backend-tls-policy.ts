import type { MeshObject } from '../kind';
import { choice, list, message, type Static, text, textMap, unserved } from '../schema';
import { gatewayApiKind } from './kind';
import { group, kindName, LocalObjectReference, objectName, preciseHostname, sectionName } from './reference';

export const BackendTlsPolicySpec = message(
  {
    targetRefs: list(
      message(
        {
          group: group('The group.'),
          kind: kindName('The kind: `Service`.'),
          name: objectName('The name.'),
          sectionName: sectionName('The name of a port. Default: all ports.'),
        },
        { description: 'A backend.', required: ['group', 'kind', 'name'] },
      ),
      'The backends that are spoken to over TLS.',
      { minItems: 1, maxItems: 16 },
    ),
    validation: message(
      {
        caCertificateRefs: list(
          LocalObjectReference,
          'Who may have signed the certificate: ConfigMaps with `ca.crt`.',
          {
            maxItems: 8,
          },
        ),
        wellKnownCACertificates: text('`System`: whom the operating system trusts.'),
        hostname: preciseHostname('The server name that is asked for, and that the certificate has to have.'),
        subjectAltNames: list(
          message(
            {
              type: choice(['Hostname', 'URI'], 'The type.'),
              hostname: text('The name, also `*.example.com`.'),
              uri: text('The URI.'),
            },
            { description: 'A name of the certificate.', required: ['type'] },
          ),
          'Names of which the certificate has to have one, instead of the host name.',
          { maxItems: 5 },
        ),
      },
      { description: 'How the certificate of the backend is checked.', required: ['hostname'] },
    ),
    options: unserved(textMap('Settings of implementations.')),
  },
  { description: 'TLS from a Gateway to its backends.', required: ['targetRefs', 'validation'] },
);
export type BackendTlsPolicySpec = Static<typeof BackendTlsPolicySpec>;
export type BackendTLSPolicy = MeshObject<BackendTlsPolicySpec>;

export const BackendTLSPolicy = gatewayApiKind({
  kind: 'BackendTLSPolicy',
  plural: 'backendtlspolicies',
  versions: ['v1', 'v1alpha3'],
  shortNames: ['btlspolicy'],
  description: 'TLS from a Gateway to its backends.',
  schema: BackendTlsPolicySpec,
  specRequired: true,
});
