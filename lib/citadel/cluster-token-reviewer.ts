/**
 * Has the API server review tokens. It knows whether a token is signed by the cluster, for us, and whether the Pod, node and
 * Secret that it is bound to still exist. No answer is no entry.
 */
import { createHash } from 'node:crypto';
import { type Clock, systemClock } from './clock';
import { checkClaims, readToken, serviceAccountOf } from './jwt';
import {
  TokenError,
  type TokenIdentity,
  type TokenReviewApi,
  type TokenReviewer,
  type TokenReviewStatus,
} from './token-reviewer';

export interface ClusterTokenReviewerOptions {
  readonly api: TokenReviewApi;
  /** The audience that a token has to be made for. */
  readonly audience: string;
  readonly clock?: Clock;
  /** How long an answer is believed, in seconds: so long a deleted Pod's token may still be accepted. Default 30. */
  readonly believedSeconds?: number;
  /** How long the API server may take, in milliseconds. Default 5,000. */
  readonly timeoutMilliseconds?: number;
}

/** Answers in memory. */
const MAX_ANSWERS = 4_096;
/** Questions at once; more than that fail, lest a flood of tokens becomes one on the API server. */
const MAX_QUESTIONS = 64;
/** A refused token is not asked about again for so long, in seconds. */
const REFUSED_SECONDS = 5;

const EXTRA = 'authentication.kubernetes.io/';

interface Answer {
  readonly result: TokenIdentity | TokenError;
  readonly until: number;
}

export class ClusterTokenReviewer implements TokenReviewer {
  private readonly clock: Clock;
  /** By the hash of the token; what was used last is last. */
  private readonly answers = new Map<string, Answer>();
  private readonly questions = new Map<string, Promise<TokenIdentity>>();

  constructor(private readonly options: ClusterTokenReviewerOptions) {
    this.clock = options.clock ?? systemClock;
  }

  async review(token: string): Promise<TokenIdentity> {
    // What the token says itself is enough to refuse it, never to accept it.
    const expiresAt = checkClaims(readToken(token).claims, this.options.audience, this.clock());
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.answers.get(key);
    if (known && this.clock().getTime() < known.until) {
      if (known.result instanceof TokenError) throw known.result;
      return known.result;
    }
    const asked = this.questions.get(key);
    if (asked) return asked;
    if (this.questions.size >= MAX_QUESTIONS) throw new TokenError('too many tokens are being reviewed', 'unavailable');
    const question = this.ask(token, key, expiresAt).finally(() => this.questions.delete(key));
    this.questions.set(key, question);
    return question;
  }

  private async ask(token: string, key: string, expiresAt: Date): Promise<TokenIdentity> {
    const { audience, believedSeconds = 30 } = this.options;
    const status = await this.status(token);
    try {
      const identity = identityOf(status, audience, expiresAt);
      this.remember(key, identity, Math.min(expiresAt.getTime(), this.clock().getTime() + believedSeconds * 1000));
      return identity;
    } catch (error) {
      if (error instanceof TokenError) this.remember(key, error, this.clock().getTime() + REFUSED_SECONDS * 1000);
      throw error;
    }
  }

  private async status(token: string): Promise<TokenReviewStatus> {
    const { api, audience, timeoutMilliseconds = 5_000 } = this.options;
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        abort.abort();
        reject(new Error(`no answer in ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
    });
    try {
      return await Promise.race([api({ token, audiences: [audience] }, abort.signal), timeout]);
    } catch (error) {
      throw new TokenError(`the API server does not review tokens: ${(error as Error).message}`, 'unavailable');
    } finally {
      clearTimeout(timer);
    }
  }

  private remember(key: string, result: Answer['result'], until: number): void {
    this.answers.delete(key);
    this.answers.set(key, { result, until });
    if (this.answers.size > MAX_ANSWERS) this.answers.delete(this.answers.keys().next().value!);
  }
}

/** @throws TokenError */
function identityOf(status: TokenReviewStatus, audience: string, expiresAt: Date): TokenIdentity {
  if (status.authenticated !== true) throw new TokenError('the API server does not accept the token');
  // A server that does not know audiences answers without them, and has not checked them.
  if (!status.audiences?.includes(audience))
    throw new TokenError(`the token was not reviewed for audience ${audience}`);
  const account = serviceAccountOf(status.user?.username);
  const extra = (name: string) => status.user?.extra?.[EXTRA + name]?.[0];
  const [name, uid] = [extra('pod-name'), extra('pod-uid')];
  return { ...account, ...(name && uid && { pod: { name, uid } }), node: extra('node-name'), expiresAt };
}
