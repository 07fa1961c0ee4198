/** Webhooks of a control plane outside of the cluster have an address that can be reached. */
import { isIP } from 'node:net';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { problemOfName } from '../rules/host';
import { shown } from '../schema-check';
import type { Analysis } from './analysis';
import { MUTATING, VALIDATING, type Webhook, type WebhookConfiguration } from './webhook-configuration';

const NAME = 'externalcontrolplane.ExternalControlPlaneAnalyzer';

export function externalControlPlane(analysis: Analysis): Finding[] {
  const validating = analysis
    .of<WebhookConfiguration>(VALIDATING)
    .filter(
      ({ metadata }) => metadata.name === 'istiod-default-validator' || metadata.name.startsWith('istio-validator'),
    );
  const mutating = analysis
    .of<WebhookConfiguration>(MUTATING)
    .filter(({ metadata }) => metadata.name.startsWith('istio-sidecar-injector'));
  return [...validating, ...mutating].flatMap((object) =>
    (object.webhooks ?? []).flatMap((webhook, index) => judge(object, webhook, `webhooks[${index}].clientConfig`)),
  );
}

function judge(object: WebhookConfiguration, { name, clientConfig }: Webhook, path: string): Finding[] {
  const { url, service } = clientConfig;
  if (url === undefined) {
    const message = `the webhook ${name} has neither a url nor a service`;
    return service ? [] : [findingAbout(object, 'IST0163', NAME, { path, message })];
  }
  const host = hostOf(url);
  if (host !== undefined && isIP(host)) {
    const message = `the webhook ${name} is reached by the address ${shown(url)}, which may change, and not by a name`;
    return [findingAbout(object, 'IST0164', NAME, { path: `${path}.url`, message })];
  }
  const problem = host === undefined ? 'is not a URL' : problemOfHost(host);
  const message = `the url ${shown(url)} of the webhook ${name} ${problem}`;
  return problem ? [findingAbout(object, 'IST0163', NAME, { path: `${path}.url`, message })] : [];
}

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, '');
  } catch {
    return undefined;
  }
}

/** Names that never resolve (RFC 2606, RFC 6761). Others are not asked for: an analysis sends nothing. */
const NEVER = /(^|\.)(invalid|test|example)$/;

function problemOfHost(host: string): string | undefined {
  if (host === '' || problemOfName(host)) {
    return 'has no host name';
  }
  return NEVER.test(host) ? 'has a name that resolves nowhere' : undefined;
}
