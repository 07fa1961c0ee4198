/**
 * What a request must look like for a route to take it. A `Match` is one condition; all conditions of a route must
 * hold; `Match.any` holds when one of its parts does. The mesh API knows only "any of these, each all of those", so
 * conditions are multiplied out when they are written.
 */
import type { HTTPMatchRequest, StringMatch } from '../lib/api';
import type { IMeshService } from './service-version';

/** A condition on a request. */
export class Match {
  /** The header has exactly this value. Header names are case-insensitive, values are not. */
  static header(name: string, value: string): Match {
    return Match.onHeader(name, { exact: value });
  }

  /** The header's value starts with `prefix`. */
  static headerPrefix(name: string, prefix: string): Match {
    return Match.onHeader(name, { prefix });
  }

  /** The whole value of the header matches an RE2 expression. */
  static headerRegex(name: string, regex: string): Match {
    return Match.onHeader(name, { regex });
  }

  /** The header is there, whatever its value. */
  static headerPresent(name: string): Match {
    return Match.onHeader(name, {});
  }

  /** The path, without its query, is exactly this. */
  static path(path: string): Match {
    return new Match([{ uri: { exact: absolute(path) } }]);
  }

  /** The path starts with this text: `/reviews` also takes `/reviews-old`; write `/reviews/` to mean the folder. */
  static pathPrefix(prefix: string): Match {
    return new Match([{ uri: { prefix: absolute(prefix) } }]);
  }

  /** The whole path, without its query, matches an RE2 expression. */
  static pathRegex(regex: string): Match {
    return new Match([{ uri: { regex } }]);
  }

  /**
   * The method is one of these, letter by letter.
   * @throws when there is none, or one that HTTP knows is not in capitals (RFC 9110, 9.1): no request has it.
   */
  static method(...methods: string[]): Match {
    if (methods.length === 0) throw new Error('Match.method: got no method; give at least one, such as GET');
    const unwritten = methods.find((method) => !isAsWritten(method));
    if (unwritten !== undefined)
      throw new Error(
        `Match.method: got '${unwritten}', which no request has, because methods are compared letter by letter; ` +
          `write '${unwritten.toUpperCase()}'`,
      );
    return new Match(methods.map((method) => ({ method: { exact: method } })));
  }

  /** The query parameter has exactly this value. */
  static query(name: string, value: string): Match {
    return new Match([{ queryParams: { [name]: { exact: value } } }]);
  }

  /** The whole value of the query parameter matches an RE2 expression. */
  static queryRegex(name: string, regex: string): Match {
    return new Match([{ queryParams: { [name]: { regex } } }]);
  }

  /** The request comes from a workload of this service, which has to be of the same mesh as the service that is called. */
  static caller(service: IMeshService): Match {
    return new Match([{ sourceLabels: service.podLabels, sourceNamespace: service.namespace }], [service]);
  }

  /** At least one of these holds. */
  static any(...matches: Match[]): Match {
    return new Match(
      matches.flatMap((match) => match.alternatives),
      matches.flatMap((match) => match.callers),
    );
  }

  /** At least one of a Match's alternatives must hold; within one, everything must. */
  private constructor(
    private readonly alternatives: readonly HTTPMatchRequest[],
    private readonly callers: readonly IMeshService[] = [],
  ) {}

  /** The services that some of `matches` name as callers. @internal */
  static callersOf(matches: readonly Match[]): readonly IMeshService[] {
    return matches.flatMap((match) => match.callers);
  }

  private static onHeader(name: string, value: StringMatch): Match {
    return new Match([{ headers: { [name.toLowerCase()]: value } }]);
  }

  /**
   * All of `matches` at once, as the mesh API writes it; an empty list matches everything.
   * @throws when two of them ask for different things of one part of the request.
   * @internal
   */
  static all(matches: readonly Match[]): HTTPMatchRequest[] {
    if (matches.length === 0) return [];
    let combined: HTTPMatchRequest[] = [{}];
    for (const match of matches) {
      combined = combined.flatMap((left) => match.alternatives.map((right) => both(left, right)));
    }
    return combined;
  }
}

/** RFC 9110, 9; RFC 5789. */
const STANDARD_METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);

/** Others may have methods of their own, in whatever case. */
function isAsWritten(method: string): boolean {
  const capitals = method.toUpperCase();
  return method === capitals || !STANDARD_METHODS.has(capitals);
}

function both(left: HTTPMatchRequest, right: HTTPMatchRequest): HTTPMatchRequest {
  const result: HTTPMatchRequest = { ...left, ...right };
  for (const part of ['uri', 'method', 'sourceNamespace'] as const) {
    if (left[part] && right[part]) throw clash(part === 'uri' ? 'path' : part, left[part], right[part]);
  }
  if (left.sourceLabels && right.sourceLabels) throw clash('caller', left.sourceLabels, right.sourceLabels);
  for (const part of ['headers', 'queryParams'] as const) {
    for (const name of Object.keys(left[part] ?? {})) {
      if (right[part]?.[name]) throw clash(`${part} ${name}`, left[part]?.[name], right[part][name]);
    }
    if (left[part] || right[part]) result[part] = { ...left[part], ...right[part] };
  }
  return result;
}

function clash(part: string, left: unknown, right: unknown): Error {
  return new Error(
    `match has two conditions on ${part}: ${JSON.stringify(left)} and ${JSON.stringify(right)}; ` +
      'allowed: one of each, since all conditions of a route must hold; use Match.any(…) for alternatives',
  );
}

function absolute(path: string): string {
  if (!path.startsWith('/')) throw new Error(`path '${path}' does not start with '/'; write '/${path}'`);
  return path;
}
