/** Who holds a service-account token: the question, and why there may be no answer. */

/** The service account of a token, and the Pod that it was made for. */
export interface TokenIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of a token that is bound to a Pod (projected volumes are). */
  readonly pod?: { readonly name: string; readonly uid: string };
  /** The node of that Pod (Kubernetes 1.30). */
  readonly node?: string;
  /** When the token, or what is known about it, ends. */
  readonly expiresAt: Date;
}

/** Answers for whom a token speaks. */
export interface TokenReviewer {
  /**
   * @param token a service-account token, a JWT.
   * @throws TokenError when it speaks for nobody here, or that cannot be found out now.
   */
  review(token: string): Promise<TokenIdentity>;
}

/** `refused`: the token is not good here. `unavailable`: nobody can tell now, so nobody is let in; worth another try. */
export type TokenFailure = 'refused' | 'unavailable';

/** A token that is not accepted. The message names the reason and never holds the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(
    message: string,
    readonly failure: TokenFailure = 'refused',
  ) {
    super(message);
  }
}

/** The status of a TokenReview (authentication.k8s.io/v1), as far as it is read. */
export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/**
 * Asks the API server: creates a TokenReview with this spec and resolves to its status. Rejects when there is no answer;
 * `signal` says when nobody waits any more.
 */
export type TokenReviewApi = (
  spec: { readonly token: string; readonly audiences: readonly string[] },
  signal: AbortSignal,
) => Promise<TokenReviewStatus>;
