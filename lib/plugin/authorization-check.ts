/**
 * Checks of requests, as plugins have them: what a check is told, and what it may answer. The requests come from proxies that ask
 * `malha authorizer`. A check that throws, answers something else, or takes too long has refused.
 */
import type { Identity } from '../world';

/** What a check is told about a request, or about a connection that is no HTTP. */
export interface AuthorizationRequest {
  readonly protocol: 'http' | 'tcp';
  /** Who the caller is, proven by mutual TLS; undefined where nobody has proven anything. */
  readonly caller?: Identity;
  /** Whose workload is called, as its own proxy says. */
  readonly callee?: Identity;
  /** The address that the connection comes from. */
  readonly address?: string;
  readonly method?: string;
  /** Without the query. */
  readonly path?: string;
  /** What stands behind the question mark; empty where there is none. */
  readonly query?: string;
  readonly host?: string;
  /** Those that the plugin has declared and the request has; several values of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Allowed {
  readonly allowed: true;
  /** Headers that the request gets; those of the same name that it had are gone. Declared in `capabilities.checks.adds`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Denied {
  readonly allowed: false;
  /** For the operator: it stands in the log, and no client sees it. At most 200 characters are kept. */
  readonly reason: string;
  /** What the client gets, from 400 to 599. Default: 403. */
  readonly status?: number;
}

export type Decision = Allowed | Denied;

/** Let the request pass. */
export function allow(headers?: Readonly<Record<string, string>>): Allowed {
  return { allowed: true, ...(headers && { headers }) };
}

/**
 * Refuse the request.
 * @param reason for the operator.
 * @param status what the client gets, from 400 to 599. Default: 403.
 */
export function deny(reason: string, status?: number): Denied {
  return { allowed: false, reason, ...(status !== undefined && { status }) };
}

export interface AuthorizationCheck {
  /** Of lower-case letters, digits and dashes. */
  readonly name: string;
  /** Has to answer within the time of the authorizer (default 250 ms), of which nothing may be spent in a loop. */
  check(request: AuthorizationRequest): Decision | Promise<Decision>;
}

/** How the question ended; the label of a metric. `failed`: a check threw or answered what is no decision. `late`: it was too slow. */
export type Outcome = 'allowed' | 'denied' | 'failed' | 'late';

/** What came out of all checks together. */
export interface Verdict {
  readonly outcome: Outcome;
  /** `PLUGIN/CHECK` that refused. */
  readonly by?: string;
  readonly reason?: string;
  readonly status?: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A check of one plugin, with what that is allowed. */
export interface LimitedCheck {
  /** `PLUGIN/CHECK`. */
  readonly name: string;
  check(request: AuthorizationRequest): Promise<Decision>;
}

const LONGEST_REASON = 200;
const FORBIDDEN = 403;

/**
 * Asks the checks in their order; the first that refuses decides. Without any check everything is refused.
 * @param milliseconds for all of them together.
 */
export async function decide(
  checks: readonly LimitedCheck[],
  request: AuthorizationRequest,
  milliseconds: number,
): Promise<Verdict> {
  if (checks.length === 0) return { outcome: 'failed', reason: 'there is no check', status: FORBIDDEN, headers: {} };
  let at = '';
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      const reason = `no answer within ${milliseconds} ms`;
      resolve({ outcome: 'late', by: at, reason, status: FORBIDDEN, headers: {} });
    }, milliseconds);
  });
  const asked = async (): Promise<Verdict> => {
    const headers: Record<string, string> = {};
    for (const { name, check } of checks) {
      at = name;
      const decision = await check(request);
      if (!decision.allowed) {
        const { reason, status = FORBIDDEN } = decision;
        return { outcome: 'denied', by: name, reason: reason.slice(0, LONGEST_REASON), status, headers: {} };
      }
      Object.assign(headers, decision.headers);
    }
    return { outcome: 'allowed', headers };
  };
  const answered = asked().catch((error: unknown): Verdict => {
    const reason = String((error as Error)?.message ?? error).slice(0, LONGEST_REASON);
    return { outcome: 'failed', by: at, reason, status: FORBIDDEN, headers: {} };
  });
  try {
    return await Promise.race([answered, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Error when `answer` is no decision, or does what was not declared. */
export function checkedDecision(answer: unknown, adds: ReadonlySet<string>): Decision {
  const { allowed, reason, status, headers } = (answer ?? {}) as Partial<Allowed> & Partial<Denied>;
  if (allowed === (false as boolean)) {
    if (typeof reason !== 'string') throw new Error('a refusal needs a reason: deny(REASON)');
    if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status <= 599)) {
      throw new Error(`the status of a refusal is 400 to 599, got ${String(status)}`);
    }
    return { allowed: false, reason, status };
  }
  if (allowed !== true) throw new Error('a check answers allow() or deny(REASON)');
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (!adds.has(name)) throw new Error(`the header ${name} is not among capabilities.checks.adds`);
    if (typeof value !== 'string' || value.length > 4_096 || /[\0\r\n]/.test(value)) {
      throw new Error(`the value of header ${name} is no line of up to 4,096 characters`);
    }
  }
  return { allowed: true, headers: { ...headers } };
}
