/**
 * Whatever reads what strangers write, as one function of bytes each: it returns, or throws what it says that it throws. Anything
 * else is a fault. The corpus beside holds inputs of each, good ones to start from and all that ever was a fault.
 */

import { gzipSync } from 'node:zlib';
import { editStream } from '../../apps/cli/yaml-stream';
import { injectionVerdict } from '../../lib/admission/injection';
import { ReviewError, readReview } from '../../lib/admission/review';
import { validationVerdict } from '../../lib/admission/validation';
import type { KubeObject } from '../../lib/api';
import { parseDuration, protobufDuration } from '../../lib/api';
import { CsrError, checkCsr } from '../../lib/citadel/csr';
import { jwksTokenReviewer } from '../../lib/citadel/jwks-token-reviewer';
import { claimantOf } from '../../lib/citadel/jwt';
import { TokenError } from '../../lib/citadel/token-reviewer';
import { readMessage } from '../../lib/controllers/object-reports';
import { readInstances } from '../../lib/discovery/consul/instance';
import { hostOf, serviceEntryOf } from '../../lib/discovery/consul/service-entry';
import { readObjects } from '../../lib/discovery/files';
import { parseChallenges } from '../../lib/discovery/oci/challenge';
import { ImageError } from '../../lib/discovery/oci/image-error';
import { imageOfIndex, moduleLayer, readManifest } from '../../lib/discovery/oci/image-manifest';
import { isSignedBy, signedDigest } from '../../lib/discovery/oci/image-signature';
import { moduleInArchive } from '../../lib/discovery/oci/module-archive';
import { credentialsIn, type RegistryCredentials } from '../../lib/discovery/oci/registry-credentials';
import { documentUrl } from '../../lib/discovery/openid/document';
import { admit, analyze, validate, validateMeshConfig } from '../../lib/galley';
import { parsePorts, parseRanges } from '../../lib/injector/redirection';
import {
  addressOfPeer,
  apiHost,
  type ImageReference,
  imageTrust,
  isForbiddenHost,
  parseReference,
  provenProxy,
  repositoryName,
  usableKeys,
  World,
} from '../../lib/world';
import { type AddressRange, parseRange } from '../../lib/world/addresses';
import { bySpecificity, covers, intersect, resolveHost } from '../../lib/world/hostname';
import { formatIdentity, type Identity, IdentityError, parseIdentity } from '../../lib/world/identity';
import { parseMeshConfig, parseMeshNetworks } from '../../lib/world/mesh-config';
import { proxyOf } from '../../lib/world/proxy';
import { readProxyConfig } from '../../lib/world/proxy-settings';
import { pod } from '../world/sample';
import { FakeClient } from '../xds/fake-client';
import keys from './token-keys.json';

/** @throws when something is wrong with the parser. */
export type Parser = (input: Buffer) => unknown;

/** Runs, and lets pass what the parser may throw. */
function allowing(allowed: abstract new (...args: never[]) => Error, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    // These are what a crash looks like, whatever is allowed.
    const isCrash = error instanceof TypeError || error instanceof RangeError;
    if (error instanceof allowed && !isCrash) return undefined;
    throw error;
  }
}

function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`fault: ${what}`);
}

/** A text that is no JSON is nobody's object. */
function jsonOf(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString());
  } catch {
    return undefined;
  }
}

const view = World.of([
  { ...pod('web-1', 'shop', { app: 'web' }, '10.0.0.1'), spec: { containers: [], serviceAccountName: 'web' } },
]);
const web = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };

/** In the life of the tokens of the corpus. */
const clock = () => new Date('2026-03-01T12:00:00Z');
const reviewer = jwksTokenReviewer({ keys: keys.keys, issuer: keys.issuer, audience: 'malha.dev', clock });

const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----`;

export const parsers: Readonly<Record<string, Parser>> = {
  object: (input) => {
    const object = jsonOf(input) as KubeObject;
    const findings = [...validate(object), ...analyze([object]), ...admit([], [object]).findings];
    for (const { message } of findings) holds(!/undefined|\[object/.test(message), message);
  },
  'xds-request': (input) => {
    for (const variant of ['delta', 'state'] as const) {
      try {
        const { stream } = new FakeClient(variant);
        stream.receive(input);
        stream.pump();
      } catch (error) {
        if ((error as Error).name !== 'ProtocolError') throw error;
      }
    }
  },
  csr: (input) => {
    allowing(CsrError, () => checkCsr(input));
    allowing(CsrError, () => checkCsr(input.toString('latin1')));
  },
  token: async (input) => {
    const text = input.toString();
    claimantOf(text);
    const accepted = await reviewer.review(text).then(
      () => true,
      (error) =>
        allowing(TokenError, () => {
          throw error;
        }) === true,
    );
    // A token has one spelling, or else what is remembered of one would not hold for the other.
    holds(!accepted || keys.good.includes(text), 'a token that nobody has issued is accepted');
  },
  'key-set': (input) => usableKeys(input.toString()),
  'spiffe-id': (input) => {
    const text = input.toString();
    const identity = allowing(IdentityError, () => parseIdentity(text)) as Identity | undefined;
    if (identity) holds(formatIdentity(identity) === text, 'an id has two spellings');
  },
  yaml: (input) => {
    const text = input.toString();
    for (const { line } of readObjects(text, 'x').findings) holds((line ?? 1) > 0, 'a finding has no line');
    const edited = allowing(Error, () => editStream(text, 'x', (value) => value));
    holds(edited === undefined || edited === text, 'a text is changed without an edit');
  },
  'mesh-config': (input) => {
    const text = input.toString();
    parseMeshNetworks(text);
    readProxyConfig(text);
    const config = parseMeshConfig(text);
    if (config) imageTrust('registry.example.com/filters', config);
    for (const { message } of validateMeshConfig(config)) holds(!/undefined|\[object/.test(message), message);
  },
  'node-id': (input) => {
    const id = input.toString();
    proxyOf(view, { id });
    const proven = provenProxy(view, id, { identity: web, address: '10.0.0.1' });
    const own = 'sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local';
    const isOwn = id.startsWith(own.slice(0, own.indexOf('cluster.local')));
    holds(proven.kind !== 'proven' || isOwn, 'a node id of somebody else is proven');
  },
  duration: (input) => {
    const milliseconds = parseDuration(input.toString());
    if (milliseconds === undefined) return;
    holds(Number.isFinite(milliseconds), 'a duration is no number');
    protobufDuration(milliseconds);
  },
  range: (input) => {
    const text = input.toString();
    allowing(Error, () => parsePorts(text, 'ports'));
    allowing(Error, () => parseRanges(text, 'ranges'));
    const range = allowing(Error, () => parseRange(text)) as AddressRange | undefined;
    if (range) holds(range.first >= 0 && range.first + range.size <= 2 ** 32, 'a range reaches beyond IPv4');
  },
  consul: (input) => {
    const body = jsonOf(input);
    if (!Array.isArray(body)) return;
    const { healthy } = readInstances(body);
    const entry = serviceEntryOf({ name: 'web', instances: healthy }, hostOf({ name: 'web' })!, 'consul');
    // A protocol that there is not is told as a finding, and is whoever registers it to mend.
    const errors = entry
      ? validate(entry).filter(({ level, path }) => level === 'error' && !path?.endsWith('.protocol'))
      : [];
    holds(errors.length === 0, `Consul's instances make an object that is refused: ${errors[0]?.path}`);
  },
  review: (input) => {
    allowing(ReviewError, () => {
      const request = readReview(input.toString());
      validationVerdict(request);
      injectionVerdict(request, { injection: {}, systemNamespace: 'malha-system' } as never);
    });
  },
  host: (input) => {
    const [a = '', b = ''] = input.toString().split('\n');
    const [one, two] = [resolveHost(a, 'shop'), resolveHost(b, 'shop')];
    holds(resolveHost(one, 'other') === one, 'a host that is complete is completed again');
    holds(covers(one, one), 'a host does not cover itself');
    holds(intersect(one, two) === intersect(two, one) || covers(one, two) === covers(two, one), 'hosts meet one way');
    holds(Math.sign(bySpecificity(one, two)) === -Math.sign(bySpecificity(two, one)), 'hosts have no order');
    isForbiddenHost(one);
    addressOfPeer(a);
  },
  issuer: (input) => allowing(Error, () => documentUrl(input.toString())),
  'image-reference': (input) => {
    const text = input.toString();
    const reference = allowing(Error, () => parseReference(text)) as ImageReference | undefined;
    if (!reference) return;
    const { tag, digest } = reference;
    const again = parseReference(`${repositoryName(reference)}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`);
    holds(JSON.stringify(again) === JSON.stringify(reference), 'an image has two names');
    const { host, username, pathname } = new URL(`https://${apiHost(reference)}/v2/${reference.repository}/tags`);
    holds(username === '' && !pathname.includes('..'), 'a reference leads to another place than it says');
    holds(host.split(':')[0] !== '', 'a reference has no host');
  },
  'registry-challenge': (input) => {
    for (const { scheme, parameters } of parseChallenges(input.toString('latin1'))) {
      holds(scheme === scheme.toLowerCase(), 'a scheme is as it was written');
      for (const value of Object.values(parameters)) holds(typeof value === 'string', 'a parameter is no text');
    }
  },
  'image-manifest': (input) => {
    allowing(ImageError, () => {
      const manifest = readManifest(input);
      if (manifest.kind === 'image') moduleLayer(manifest.layers);
      else imageOfIndex(manifest.manifests);
    });
  },
  'image-signature': (input) => {
    const digest = signedDigest(input);
    holds(digest === undefined || typeof digest === 'string', 'a digest is no text');
    holds(!isSignedBy([{ payload: input, signature: input }], [digest ?? ''], [PUBLIC_KEY]), 'nobody has signed it');
  },
  'pull-secret': (input) => {
    const reference = parseReference('registry.example.com/filters/auth');
    const found = allowing(Error, () => credentialsIn(input.toString(), reference)) as RegistryCredentials | undefined;
    holds(!found || `${typeof found.username}${typeof found.password}` === 'stringstring', 'credentials are no texts');
  },
  'module-archive': async (input) => {
    for (const archive of [input, gzipSync(input)]) {
      await moduleInArchive(archive).catch((error) =>
        allowing(ImageError, () => {
          throw error;
        }),
      );
    }
  },
  'object-report': (input) => allowing(Error, () => readMessage(input)),
};
