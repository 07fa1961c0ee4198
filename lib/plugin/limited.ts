/** What plugins have, within what they have declared: how the rest of Malha gets at it. */
import type { NamedRule } from '../galley/custom-rule';
import type { NamedPatch } from '../pilot/patch/resource-patch';
import { checkedDecision, type LimitedCheck } from './authorization-check';
import type { PluginDefinition } from './plugin';
import type { TelemetryTag } from './telemetry-tag';

type AnyPlugin = PluginDefinition<never>;

/** Rules for Galley, each with the kinds that it may see. */
export function rulesOf(plugins: readonly AnyPlugin[]): NamedRule[] {
  return plugins.flatMap(({ name, rules = [], capabilities }) =>
    rules.map((rule) => ({
      name: `${name}/${rule.name}`,
      kinds: new Set(capabilities.rules?.kinds),
      check: (object, others) => rule.check(object, others),
    })),
  );
}

/** Patches for the translator. */
export function patchesOf(plugins: readonly AnyPlugin[]): NamedPatch[] {
  return plugins.flatMap(({ name, patches = [] }) =>
    patches.map((patch) => ({ ...patch, name: `${name}/${patch.name}` }) as NamedPatch),
  );
}

/** Checks for the authorizer: each is told of declared headers alone, and adds no others than declared. */
export function checksOf(plugins: readonly AnyPlugin[]): LimitedCheck[] {
  return plugins.flatMap(({ name, checks = [], capabilities }) => {
    const adds = new Set(capabilities.checks?.adds);
    const seen = capabilities.checks?.headers ?? [];
    return checks.map((each) => ({
      name: `${name}/${each.name}`,
      async check(request) {
        const headers = Object.fromEntries(
          seen.flatMap((header) =>
            Object.hasOwn(request.headers, header) ? [[header, request.headers[header]!]] : [],
          ),
        );
        return checkedDecision(await each.check({ ...request, headers }), adds);
      },
    }));
  });
}

/** Tags of metrics and spans. */
export function tagsOf(plugins: readonly AnyPlugin[]): TelemetryTag[] {
  return plugins.flatMap(({ tags = [] }) => tags);
}
