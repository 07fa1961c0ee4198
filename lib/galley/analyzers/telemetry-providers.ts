/** Telemetry that says where its logs and traces go, to providers that are still there. */
import { Telemetry } from '../../api/telemetry/telemetry';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

/** Access logs without a provider, of their own or of the mesh, go nowhere. */
export function telemetryProviders(analysis: Analysis): Finding[] {
  if (analysis.meshConfig.defaultProviders?.accessLogging?.length) {
    return [];
  }
  return analysis.of<Telemetry>(Telemetry).flatMap((telemetry) => {
    const index = (telemetry.spec?.accessLogging ?? []).findIndex(({ providers }) => !providers?.length);
    if (index < 0) {
      return [];
    }
    const path = `spec.accessLogging[${index}]`;
    const message =
      'no provider is named, and the mesh configuration has none for access logs, so that nothing is logged';
    return [findingAbout(telemetry, 'IST0157', 'telemetry.ProviderAnalyzer', { path, message })];
  });
}

/** Lightstep takes OpenTelemetry; its own protocol is gone. */
export function lightstep(analysis: Analysis): Finding[] {
  const names = new Set(
    (analysis.meshConfig.extensionProviders ?? []).filter((provider) => provider.lightstep).map(({ name }) => name),
  );
  return analysis.of<Telemetry>(Telemetry).flatMap((telemetry) =>
    (telemetry.spec?.tracing ?? []).flatMap((tracing, index) =>
      (tracing.providers ?? []).flatMap(({ name }, place) =>
        names.has(name)
          ? [
              findingAbout(telemetry, 'IST0002', 'telemetry.LightstepAnalyzer', {
                path: `spec.tracing[${index}].providers[${place}]`,
                message: `the provider ${name} speaks Lightstep's own protocol, which is deprecated`,
                fix: 'use a provider of type opentelemetry',
              }),
            ]
          : [],
      ),
    ),
  );
}
