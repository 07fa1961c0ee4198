/** The definitions of the Gateway API in a cluster are new enough to be read. */
import type { KubeObject } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { join } from '../path';
import type { Analysis } from './analysis';

const NAME = 'k8sgateway.CRDVersionAnalyzer';
const VERSION = 'gateway.networking.k8s.io/bundle-version';

type Version = readonly [number, number, number];

/** The oldest bundle of the Gateway API whose definition of a kind is read. */
const OLDEST: ReadonlyMap<string, Version> = new Map([
  ['grpcroutes.gateway.networking.k8s.io', [1, 1, 0]],
  ['backendtlspolicies.gateway.networking.k8s.io', [1, 4, 0]],
  ['tlsroutes.gateway.networking.k8s.io', [1, 5, 0]],
]);

export function gatewayApiVersion(analysis: Analysis): Finding[] {
  return analysis.allOf('apiextensions.k8s.io/CustomResourceDefinition').flatMap((object) => {
    const oldest = OLDEST.get(object.metadata.name);
    const version = versionOf(object);
    if (!oldest || !version || !isOlder(version, oldest)) {
      return [];
    }
    const message = `the definition is of version ${version.join('.')} of the Gateway API, at least ${oldest.join('.')} is read`;
    return [findingAbout(object, 'IST0176', NAME, { path: join('metadata.annotations', VERSION), message })];
  });
}

/** `v1.4.1`, `1.5` or `v1.5.0-rc.1`. */
function versionOf(object: KubeObject): Version | undefined {
  const match = /^v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:[-+].*)?$/.exec(
    object.metadata.annotations?.[VERSION] ?? '',
  );
  return match ? [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)] : undefined;
}

function isOlder(version: Version, oldest: Version): boolean {
  const place = version.findIndex((number, index) => number !== oldest[index]);
  return place >= 0 && version[place]! < oldest[place]!;
}
