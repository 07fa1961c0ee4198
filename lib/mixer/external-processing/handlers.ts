/** What handlers are told and what they answer. */

/** Names in lower case, pseudo-headers such as `:path` and `:status` among them; values of one name are joined by commas. */
export type Headers = Readonly<Record<string, string>>;

/** What is changed; nothing where all is left out. */
export interface Change {
  /** Take the place of headers of the same name. */
  readonly set?: Headers;
  readonly remove?: readonly string[];
  /** In place of the body. Only for handlers of bodies. */
  readonly body?: Uint8Array | string;
}

/** An answer at once: the request goes no further. */
export interface Reply {
  readonly status: number;
  readonly headers?: Headers;
  readonly body?: string;
}

const REPLIES = new WeakSet<object>();

/**
 * Answers at once.
 * @param status from 200 to 599.
 */
export function reply(status: number, body?: string, headers?: Headers): Reply {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Error(`the status of a reply is 200 to 599, got ${status}`);
  }
  const made: Reply = { status, ...(body !== undefined && { body }), ...(headers && { headers }) };
  REPLIES.add(made);
  return made;
}

/** Whether a handler's answer was made by `reply`. */
export function isReply(answer: Change | Reply): answer is Reply {
  return REPLIES.has(answer);
}

/** One request and its answer. */
export interface Exchange {
  /** Of the request, once they were seen. */
  readonly requestHeaders: Headers;
  /** For handlers to keep something from one to the next. */
  readonly state: Record<string, unknown>;
}

type Answer = Change | Reply | undefined;

/** What is seen; what has no handler passes. Which of them Envoy sends is for the construct to say. */
export interface Handlers {
  requestHeaders?(headers: Headers, exchange: Exchange): Answer | Promise<Answer>;
  requestBody?(body: Buffer, exchange: Exchange): Answer | Promise<Answer>;
  responseHeaders?(headers: Headers, exchange: Exchange): Answer | Promise<Answer>;
  responseBody?(body: Buffer, exchange: Exchange): Answer | Promise<Answer>;
}
