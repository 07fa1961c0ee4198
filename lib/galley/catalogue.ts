/**
 * The catalogue of findings: every code that Galley and discovery can give, with its level and what to do about it.
 * Codes `IST…` are Istio's and mean what they mean there; codes `MAL…` are ours. A code is never reused.
 */
import { type KubeObject, objectName } from '../api/object';
import { originOf } from '../api/origin';
import type { Finding, Level } from './finding';
import { istioCatalogue } from './istio-catalogue';

export interface CatalogueEntry {
  level: Level;
  /** The name of the finding, as Istio has it where it has one. */
  title: string;
  /** What it means, for the reference page. */
  text: string;
  /** What to do about it, where the place of the finding has nothing better to say. */
  fix: string;
}

export const catalogue = {
  ...istioCatalogue,
  MAL0001: {
    level: 'warning',
    title: 'NotServed',
    text: 'The field is accepted and checked, but this version of the control plane does nothing with it.',
    fix: 'leave the field out, or do not rely on it',
  },
  MAL0002: {
    level: 'warning',
    title: 'ConflictingDestinationRules',
    text: 'Several DestinationRules of one namespace hold for the same host and disagree; the oldest wins.',
    fix: 'put the policies and subsets into one DestinationRule',
  },
  MAL0003: {
    level: 'warning',
    title: 'UnreachableRule',
    text: 'No request comes to a rule: rules before it take everything that it would, or nobody who sees it is meant by it.',
    fix: 'put the narrower rule first, or remove it',
  },
  MAL0004: {
    level: 'warning',
    title: 'ShadowedMatch',
    text: 'No request comes to one of the matches of a rule, as an earlier match takes everything that it would.',
    fix: 'put the narrower match first, or remove it',
  },
  MAL0005: {
    level: 'warning',
    title: 'TimeoutShorterThanRetries',
    text: 'The timeout of a route bounds the request with all its retries, and ends before they are through.',
    fix: 'raise timeout, or lower retries.perTryTimeout or retries.attempts',
  },
  MAL0006: {
    level: 'warning',
    title: 'RetryAmplification',
    text: 'Retries multiply along a chain of calls, so that a service that fails gets many requests for one.',
    fix: 'retry in one place of the chain only, best in the one next to what fails, and keep attempts low',
  },
  MAL0007: {
    level: 'warning',
    title: 'ProviderPortNotHTTP2',
    text: 'A provider is asked by gRPC on a port that is not declared as HTTP/2, so that nothing arrives.',
    fix: 'name the port grpc-… or http2-…, or set its appProtocol to grpc',
  },
  MAL0008: {
    level: 'warning',
    title: 'ConflictingPeerAuthentications',
    text: 'Several PeerAuthentications are for the same workloads; only the oldest is used.',
    fix: 'put the modes into one PeerAuthentication',
  },
  MAL0010: {
    level: 'warning',
    title: 'HostOfAnotherNamespace',
    text: 'A VirtualService that is exported beyond its namespace takes a host of another namespace, which has not let it. With `hostOwnership: enforce` in the mesh configuration sidecars do not get it, and this is an error.',
    fix: "set exportTo: ['.'], or have the other namespace write a ReferenceGrant from VirtualService to the Service",
  },
  MAL0011: {
    level: 'error',
    title: 'FileDoesNotParse',
    text: 'A document of a file is neither YAML nor JSON. The other documents are used.',
    fix: 'correct the syntax at the line',
  },
  MAL0012: {
    level: 'error',
    title: 'DuplicateKey',
    text: 'A key stands twice in one mapping, so that one of the values would be lost.',
    fix: 'remove one of the two',
  },
  MAL0013: {
    level: 'error',
    title: 'DocumentTooLarge',
    text: 'A file or document is larger, deeper or expands to more than any real one, as YAML bombs do.',
    fix: 'split the file, or write out the aliases',
  },
  MAL0014: {
    level: 'error',
    title: 'NotAnObject',
    text: 'A document is not a Kubernetes object: apiVersion, kind or metadata.name is missing or has the wrong form.',
    fix: 'write a Kubernetes object, or move the file elsewhere',
  },
  MAL0015: {
    level: 'info',
    title: 'DuplicateObject',
    text: 'The same object stands in two places; the last is used, as if the files were applied one after the other.',
    fix: 'remove or rename one of the two',
  },
  MAL0016: {
    level: 'error',
    title: 'NotTranslated',
    text: 'The control plane could not translate objects, which is a mistake of its own; what proxies have stays in force.',
    fix: 'report it, with the object that was changed last',
  },
  MAL0017: {
    level: 'error',
    title: 'FileNotReadable',
    text: 'A file or folder cannot be read.',
    fix: 'check the path and its permissions',
  },
  MAL0040: {
    level: 'error',
    title: 'RejectedByProxy',
    text: 'A proxy rejects what was made from the object. It goes on with what it had, and so does every other; proxies that start later get the last version that was taken.',
    fix: 'correct or undo the last change of the object',
  },
  MAL0041: {
    level: 'warning',
    title: 'KeysOverTheWire',
    text: 'Proxies prove themselves by tokens, so the control plane makes their keys and sends each over TLS once. With podCertificate volumes no key leaves its node.',
    fix: 'where the cluster has podCertificate volumes, inject with identity podCertificate',
  },
  MAL0050: {
    level: 'warning',
    title: 'ServiceInTwoRegistries',
    text: 'Consul has a service of a host that a ServiceEntry owns already. The ServiceEntry is used alone; nothing of Consul is added to it.',
    fix: 'delete the ServiceEntry to use what Consul knows, or rename one of the two',
  },
  MAL0060: {
    level: 'error',
    title: 'PluginRule',
    text: 'A rule of a plugin has found something; the analyzer says which plugin and rule. The level is the rule’s.',
    fix: 'see the documentation of the plugin',
  },
  MAL0061: {
    level: 'error',
    title: 'PluginRuleFailed',
    text: 'A rule of a plugin threw, so nobody knows whether the object is right.',
    fix: 'report it to the plugin, with the object; until then run without the plugin',
  },
  MAL0070: {
    level: 'error',
    title: 'ImageOfNobody',
    text: 'The mesh configuration says whose signatures images need (`imageSignatures`), and no entry holds for the image of this WebAssembly module. It is not served.',
    fix: 'add an entry for its repository with the keys that sign it, or with allowUnsigned',
  },
  MAL0071: {
    level: 'warning',
    title: 'ImageByTag',
    text: 'A WebAssembly module comes by the tag of an image, without digest or sha256. Whoever may push to the repository changes what runs in the proxies, and replicas that look it up at different times serve different modules.',
    fix: 'name the image by its digest, REPOSITORY@sha256:…, or set sha256',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type Code = keyof typeof catalogue;

/** What a check says beyond the catalogue. */
export interface Remark {
  message: string;
  path?: string;
  fix?: string;
  /** Only where it differs from the catalogue's. */
  level?: Level;
}

/** A finding about an object, completed from the catalogue and from the object's place. */
export function findingAbout(object: KubeObject, code: Code, analyzer: string, remark: Remark): Finding {
  const origin = originOf(object);
  return {
    code,
    level: remark.level ?? catalogue[code].level,
    analyzer,
    resource: objectName(object),
    message: remark.message,
    ...(remark.path ? { path: remark.path } : {}),
    ...(origin?.file ? { file: origin.file } : {}),
    ...placeOf(origin, remark.path),
    ...(origin?.construct ? { construct: origin.construct } : {}),
    fix: remark.fix ?? catalogue[code].fix,
  };
}

function placeOf(origin: ReturnType<typeof originOf>, path: string | undefined): { line?: number } {
  const line = (path && origin?.lineOf?.(path)) || origin?.line;
  return line ? { line } : {};
}

/** A finding about a file, where there is no object yet. */
export function findingInFile(file: string, line: number | undefined, code: Code, remark: Remark): Finding {
  return {
    code,
    level: remark.level ?? catalogue[code].level,
    analyzer: 'files.Reader',
    resource: file,
    message: remark.message,
    ...(remark.path ? { path: remark.path } : {}),
    file,
    ...(line ? { line } : {}),
    fix: remark.fix ?? catalogue[code].fix,
  };
}
