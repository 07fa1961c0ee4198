/**
 * Kubernetes Ingresses as the objects that the translator knows: one Gateway for all of them, because rules of several Ingresses
 * for one host stand beside each other, and a VirtualService for each host of an Ingress. Marked as converted, their routes are
 * tried by the most specific host and path, and prefixes end where a part of a path does, which is how Kubernetes has it.
 * https://kubernetes.io/docs/concepts/services-networking/ingress/
 */
import type { Gateway, HTTPMatchRequest, HTTPRoute, MeshConfig, Server, VirtualService } from '../api';
import type { Ingress, IngressBackend, IngressPath } from '../api/kubernetes';
import {
  type Converted,
  convertedGateway,
  convertedName,
  convertedVirtualService,
  GATEWAY_CREDENTIAL,
  Remembered,
} from './gateway-api';
import { type Inventory, nameKey } from './inventory';

/** By which an Ingress says whose it is, from before there were IngressClasses; it goes before `ingressClassName`. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** `spec.controller` of IngressClasses that are ours: Istio's, so that its manifests work, and our own. */
const CONTROLLERS = ['istio.io/ingress-controller', 'malha.dev/ingress-controller'];
const DEFAULT_CLASS = 'istio';
const DEFAULT_SELECTOR = 'ingressgateway';

export interface ConvertedIngresses {
  /** Those that are served, oldest first. */
  readonly ingresses: readonly Ingress[];
  readonly gateways: readonly Converted<Gateway>[];
  readonly virtualServices: readonly Converted<VirtualService>[];
}

const NONE: ConvertedIngresses = { ingresses: [], gateways: [], virtualServices: [] };

type Settings = Pick<MeshConfig, 'ingressClass' | 'ingressControllerMode' | 'ingressSelector'>;

/**
 * Whether an Ingress is served here.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-IngressControllerMode
 */
export function isServedIngress(
  { metadata, spec }: Ingress,
  { ingressClass = DEFAULT_CLASS, ingressControllerMode: mode = 'STRICT' }: Settings,
  controllerOf: (ingressClass: string) => string | undefined,
): boolean {
  if (mode === 'OFF') return false;
  const annotated = metadata.annotations?.[CLASS_ANNOTATION];
  if (annotated !== undefined) return annotated === ingressClass;
  const named = spec?.ingressClassName;
  if (named === undefined) return mode === 'DEFAULT';
  const controller = controllerOf(named);
  // Files need not hold the class.
  return controller === undefined ? named === ingressClass : CONTROLLERS.includes(controller);
}

/** The labels of the gateways that serve Ingresses. */
export function ingressSelectorOf({ ingressSelector }: Settings): Record<string, string> {
  return { istio: ingressSelector || DEFAULT_SELECTOR };
}

export function convertIngresses(inventory: Inventory, config: MeshConfig, rootNamespace: string): ConvertedIngresses {
  const controllerOf = (name: string) => inventory.ingressClasses.get(name)?.spec?.controller;
  const ingresses = inventory.ingresses.filter((ingress) => isServedIngress(ingress, config, controllerOf));
  const [oldest] = ingresses;
  if (!oldest) return NONE;
  const name = 'kubernetes~ingress';
  const spec: Gateway['spec'] = {
    selector: ingressSelectorOf(config),
    servers: [
      { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
      ...ingresses.flatMap((ingress) => tlsServers(inventory, ingress)),
    ],
  };
  const gateway = convertedGateway(oldest, name, spec);
  return {
    ingresses,
    gateways: [{ ...gateway, metadata: { ...gateway.metadata, namespace: rootNamespace } }],
    virtualServices: ingresses.flatMap((ingress) =>
      virtualServicesOf(inventory, ingress, nameKey(rootNamespace, name)),
    ),
  };
}

/** Certificates lie beside their Ingress; where there is none, beside the gateway's Pods, as Istio has them. */
function tlsServers(inventory: Inventory, { metadata, spec }: Ingress): Server[] {
  const { namespace = 'default', name } = metadata;
  return (spec?.tls ?? []).flatMap(({ hosts, secretName }, index): Server[] => {
    if (!secretName) return [];
    const isBeside = inventory.secrets.has(nameKey(namespace, secretName));
    const credentialName = isBeside ? `${GATEWAY_CREDENTIAL}${namespace}/${secretName}` : secretName;
    return [
      {
        port: { number: 443, name: `https-${namespace}-${name}-${index}`, protocol: 'HTTPS' },
        hosts: hosts?.length ? hosts.map((host) => `*/${host}`) : ['*'],
        tls: { mode: 'SIMPLE', credentialName },
      },
    ];
  });
}

const converted = new Remembered<readonly Converted<VirtualService>[]>();

function virtualServicesOf(inventory: Inventory, ingress: Ingress, gateway: string) {
  const namespace = ingress.metadata.namespace ?? 'default';
  const services = backendsOf(ingress).flatMap(({ service }) =>
    service ? [inventory.services.get(nameKey(namespace, service.name))] : [],
  );
  return converted.get(ingress, [gateway, ...services], () => makeVirtualServices(inventory, ingress, gateway));
}

function backendsOf({ spec }: Ingress): IngressBackend[] {
  const paths = (spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  return [...paths.map(({ backend }) => backend), ...(spec?.defaultBackend ? [spec.defaultBackend] : [])];
}

/** One for each host: what is written for the same host twice is one list of paths. */
function makeVirtualServices(inventory: Inventory, ingress: Ingress, gateway: string): Converted<VirtualService>[] {
  const { rules = [], defaultBackend } = ingress.spec ?? {};
  const byHost = new Map<string, HTTPRoute[]>();
  const add = (host: string, match: HTTPMatchRequest, backend: IngressBackend) => {
    const route = { match: [{ ...match, ...ofOneLabel(host) }], ...actionOf(inventory, ingress, backend) };
    byHost.set(host, [...(byHost.get(host) ?? []), route]);
  };
  for (const { host, http } of rules) {
    const paths = http?.paths ?? [];
    for (const path of paths) add(host || '*', matchOf(path), path.backend);
    // A host without paths is one for everything, which the default takes.
    if (paths.length === 0 && host && defaultBackend) add(host, EVERYTHING, defaultBackend);
  }
  if (defaultBackend) add('*', EVERYTHING, defaultBackend);
  return [...byHost].map(([host, http]) =>
    convertedVirtualService(ingress, convertedName(ingress, host), {
      hosts: [host],
      gateways: [gateway],
      exportTo: ['*'],
      http,
    }),
  );
}

const EVERYTHING: HTTPMatchRequest = { uri: { prefix: '/' } };

/** `*.example.com` is for one more label, where hosts of the API are for any number of them. */
function ofOneLabel(host: string): Pick<HTTPMatchRequest, 'authority'> {
  if (!host.startsWith('*.')) return {};
  return { authority: { regex: `[^.]+${escaped(host.slice(1))}(:[0-9]+)?` } };
}

/** `ImplementationSpecific` is what it is on Istio: `/path.*` is a prefix of characters, anything else a complete path. */
function matchOf({ path = '', pathType }: IngressPath): HTTPMatchRequest {
  if (!path) return EVERYTHING;
  if (pathType === 'Prefix') return { uri: { prefix: path } };
  if (pathType === 'Exact' || !path.endsWith('.*')) return { uri: { exact: path } };
  const start = path.slice(0, -2);
  return start === '/' || start === '' ? EVERYTHING : { uri: { regex: `${escaped(start)}.*` } };
}

function escaped(text: string): string {
  return text.replaceAll(/[^a-z0-9/_-]/gi, (character) => `\\${character}`);
}

/** A backend that is not there answers with 503, as one without endpoints does. */
function actionOf(inventory: Inventory, { metadata }: Ingress, { service }: IngressBackend): HTTPRoute {
  const namespace = metadata.namespace ?? 'default';
  const ports = service && inventory.services.get(nameKey(namespace, service.name))?.spec?.ports;
  const { name, number } = service?.port ?? {};
  const port = number ?? ports?.find((each) => name !== undefined && each.name === name)?.port;
  if (!service || port === undefined || !ports?.some((each) => each.port === port)) {
    return { directResponse: { status: 503 } };
  }
  return { route: [{ destination: { host: service.name, port: { number: port } } }] };
}
