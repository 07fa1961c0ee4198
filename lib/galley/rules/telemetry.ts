/** The rules of Telemetry. */
import { type CelVerdict, judgeCel, judgeTagValue } from '../../api/telemetry/cel';
import type { TelemetrySpec } from '../../api/telemetry/telemetry';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkSelector, checkTargets } from './labels';

export function checkTelemetry(spec: TelemetrySpec, check: Check): void {
  checkSelector(spec.selector, check.at('selector'));
  checkTargets(spec, check);
  for (const [path, ref] of refsOf(spec)) {
    if (ref.kind !== 'Gateway') {
      check.at(...path).unserved(`a Telemetry for a ${ref.kind} is accepted, but not served: only for a Gateway`);
    }
  }
  if ((spec.tracing?.length ?? 0) > 1) {
    check.at('tracing').warning('only the first entry of tracing is used');
  }
  check.at('tracing').each(spec.tracing, (tracing, at) => {
    if ((tracing.providers?.length ?? 0) > 1) {
      at.at('providers').warning('only the first provider of tracing is used');
    }
    for (const [name, tag] of Object.entries(tracing.customTags ?? {})) {
      if (name === '') {
        at.at('customTags', name).error('the name of a tag must not be empty');
      }
      if (Object.keys(tag).length === 0) {
        at.at('customTags', name).error('a tag has one of literal, environment, header, formatter, got none');
      }
    }
  });
  check.at('accessLogging').each(spec.accessLogging, (logging, at) => {
    if (logging.filter?.expression) {
      checkExpression(judgeCel(logging.filter.expression), at.at('filter', 'expression'));
    }
  });
  check.at('metrics').each(spec.metrics, (metrics, at) => {
    at.at('overrides').each(metrics.overrides, (override, place) => {
      for (const [name, tag] of Object.entries(override.tagOverrides ?? {})) {
        if (name === '') place.at('tagOverrides', name).warning('the name of a tag must not be empty');
        checkTagOverride(tag, place.at('tagOverrides', name));
      }
    });
  });
}

type Reference = NonNullable<TelemetrySpec['targetRef']>;

function refsOf(spec: TelemetrySpec): [(string | number)[], Reference][] {
  const all = (spec.targetRefs ?? []).map((ref, index): [(string | number)[], Reference] => [
    ['targetRefs', index],
    ref,
  ]);
  return spec.targetRef ? [[['targetRef'], spec.targetRef], ...all] : all;
}

function checkTagOverride(tag: { operation?: string; value?: string }, check: Check): void {
  if (tag.operation === 'REMOVE' && tag.value) {
    check.at('value').error(`value has no place beside operation REMOVE, got ${shown(tag.value)}`);
  }
  if (tag.operation !== 'REMOVE' && !tag.value) {
    check.at('value').error('value is missing, operation UPSERT needs it');
  }
  if (tag.operation !== 'REMOVE' && tag.value) {
    // The API takes any text here.
    const verdict = judgeTagValue(tag.value);
    checkExpression(verdict.kind === 'malformed' ? { ...verdict, kind: 'unserved' } : verdict, check.at('value'));
  }
}

/** What is no CEL is an error; what a proxy cannot evaluate is told, and leaves things as they were. */
function checkExpression(verdict: CelVerdict, check: Check): void {
  if (verdict.kind === 'malformed') {
    check.error(verdict.problem);
  }
  if (verdict.kind === 'unserved') {
    check.unserved(`${check.path} is accepted, but not served: ${verdict.problem}`);
  }
}
