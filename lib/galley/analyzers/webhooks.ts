/** Injection happens once: for each Pod one webhook, whose control plane exists. */
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { type LabelSelector, type Labels, selects } from './label-selector';
import { keyOf } from './names';
import { MUTATING, type Webhook, type WebhookConfiguration } from './webhook-configuration';

const NAME = 'webhook.Analyzer';
const REVISION = 'istio.io/rev';

interface Placed {
  object: WebhookConfiguration;
  webhook: Webhook;
  index: number;
}

export function webhooks(analysis: Analysis): Finding[] {
  const configurations = analysis
    .of<WebhookConfiguration>(MUTATING)
    .map((object) => ({ object, revisions: revisionsOf(object) }))
    .filter(({ object, revisions }) => revisions.length > 0 || isInjector(object));
  const placed = configurations.flatMap(({ object }) =>
    (object.webhooks ?? []).map((webhook, index) => ({ object, webhook, index })),
  );
  const revisions = [...new Set(configurations.flatMap((entry) => entry.revisions))];
  const services = new Set(analysis.of('/Service').map(keyOf));
  return [...overlaps(placed, revisions), ...placed.flatMap((entry) => withoutService(entry, services))];
}

function isInjector(object: WebhookConfiguration): boolean {
  return (object.webhooks ?? []).some(({ name }) => name.endsWith('istio.io'));
}

/** The revisions that a configuration is for, or that its selectors ask for. */
function revisionsOf(object: WebhookConfiguration): string[] {
  const asked = ({ matchLabels, matchExpressions }: LabelSelector = {}) => [
    ...(matchLabels?.[REVISION] === undefined ? [] : [matchLabels[REVISION]]),
    ...(matchExpressions ?? []).filter(({ key }) => key === REVISION).flatMap(({ values }) => values ?? []),
  ];
  const own = object.metadata.labels?.[REVISION];
  const selected = (object.webhooks ?? []).flatMap((webhook) => [
    ...asked(webhook.namespaceSelector),
    ...asked(webhook.objectSelector),
  ]);
  return [...new Set([...(own === undefined ? [] : [own]), ...selected])];
}

/** Labels that decide about injection, each with every revision and with none. */
function variants(label: string, values: readonly string[], revisions: readonly string[]): Labels[] {
  const base: Labels[] = [{}, ...values.map((value) => ({ [label]: value }))];
  return [...base, ...revisions.flatMap((revision) => base.map((labels) => ({ ...labels, [REVISION]: revision })))];
}

/** Tries all labels that decide: each Pod has to meet one webhook at most. Told once for each set of others that it meets. */
function overlaps(placed: readonly Placed[], revisions: readonly string[]): Finding[] {
  const others = new Map<Placed, Set<string>>();
  for (const namespace of variants('istio-injection', ['enabled', 'disabled'], revisions)) {
    const candidates = placed.filter(({ webhook }) => selects(webhook.namespaceSelector, namespace));
    for (const pod of variants('sidecar.istio.io/inject', ['true', 'false'], revisions)) {
      const met = candidates.filter(({ webhook }) => selects(webhook.objectSelector, pod));
      for (const one of met.length > 1 ? met : []) {
        const names = met
          .filter((other) => other !== one)
          .map((other) => `${other.object.metadata.name}/${other.webhook.name}`);
        others.set(one, (others.get(one) ?? new Set<string>()).add(names.sort().join(', ')));
      }
    }
  }
  return [...others].flatMap(([{ object, webhook, index }, sets]) =>
    [...sets].map((names) => {
      const message = `the webhook ${webhook.name} takes Pods that ${names} takes too, so that they may be injected twice`;
      return findingAbout(object, 'IST0139', NAME, { path: `webhooks[${index}]`, message });
    }),
  );
}

function withoutService({ object, webhook, index }: Placed, services: ReadonlySet<string>): Finding[] {
  const { service } = webhook.clientConfig;
  if (!service || services.has(`${service.namespace}/${service.name}`)) {
    return [];
  }
  const path = `webhooks[${index}].clientConfig.service`;
  const message = `the webhook ${webhook.name} asks the Service ${service.namespace}/${service.name}, which does not exist`;
  return [findingAbout(object, 'IST0139', NAME, { path, message })];
}
