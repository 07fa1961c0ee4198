/** Requests as policies of access name them: by method and by path, compared letter by letter. */
import type { IConstruct } from 'constructs';
import { type Problem, problemAt } from './problem';

/** What of a request is named; left out, any. */
export interface RequestScope {
  readonly methods?: readonly string[];
  readonly paths?: readonly string[];
}

/**
 * The operation as an AuthorizationPolicy has it.
 * @throws when no request has such a method or path: a policy that allows it would allow nothing, and one that denies it nothing less.
 */
export function operationOf(
  at: IConstruct,
  { methods, paths }: RequestScope,
): { methods?: string[]; paths?: string[] } {
  const problem = emptyList({ methods, paths }) ?? unwrittenMethod(methods) ?? unwrittenPath(paths);
  if (problem) throw problemAt(at, { code: 'MAL0122', ...problem });
  return { ...(methods && { methods: [...methods] }), ...(paths && { paths: [...paths] }) };
}

type Why = Omit<Problem, 'code'>;

/** The API takes an empty list as one that is not there, which is every request. */
function emptyList(scope: RequestScope): Why | undefined {
  const field = (['methods', 'paths'] as const).find((name) => scope[name]?.length === 0);
  if (!field) return undefined;
  return {
    what: `an empty list of ${field} names no request, and policies would take it for all of them`,
    got: `${field}: []`,
    allowed: `at least one of the ${field}`,
    fix: `leave ${field} out to mean all requests`,
  };
}

/** RFC 9110, 9.1: the method is case-sensitive, and those that are standardized are in capitals. */
function unwrittenMethod(methods: readonly string[] = []): Why | undefined {
  const method = methods.find((each) => !/^(\*|\*?[^a-z*\s]+\*?)$/.test(each));
  if (method === undefined) return undefined;
  const capitals = method.trim().toUpperCase();
  return {
    what: 'no request has this method: methods are compared letter by letter',
    got: `'${method}'`,
    allowed: "capitals, such as 'GET', with * at one end for anything",
    fix: capitals ? `write '${capitals}'` : 'leave it out',
  };
}

/** RFC 9112, 3.2.1: what is asked of a server begins with a slash. */
function unwrittenPath(paths: readonly string[] = []): Why | undefined {
  const path = paths.find((each) => !/^[/*]/.test(each));
  if (path === undefined) return undefined;
  return {
    what: "no request has this path: each begins with '/'",
    got: `'${path}'`,
    allowed: "'/…', '/a/*', '*.png', or templates such as '/users/{*}/cards'",
    fix: `write '/${path}'`,
  };
}
