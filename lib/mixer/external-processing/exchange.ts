/** From Envoy's messages to handlers, and back. */
import type { envoy } from '../../envoy/generated/envoy';
import { type Change, type Exchange, type Handlers, type Headers, isReply, type Reply } from './handlers';

type Request = envoy.service.ext_proc.v3.ProcessingRequest;
type Response = envoy.service.ext_proc.v3.ProcessingResponse;
type HeaderMutation = envoy.service.ext_proc.v3.HeaderMutation;
type Answer = Change | Reply | undefined;

/** One request and its answer, message by message. */
export class OneExchange {
  private readonly exchange: { requestHeaders: Headers; readonly state: Record<string, unknown> } = {
    requestHeaders: {},
    state: {},
  };

  constructor(private readonly handlers: Handlers) {}

  /** @throws what a handler throws, and an Error for a message that it may not make. */
  async answer(message: Request): Promise<Response> {
    const { handlers } = this;
    const exchange: Exchange = this.exchange;
    const { request_headers, request_body, response_headers, response_body } = message;
    if (request_headers) {
      const headers = headersOf(request_headers.headers);
      this.exchange.requestHeaders = headers;
      return ofHeaders('request_headers', await handlers.requestHeaders?.(headers, exchange));
    }
    if (response_headers) {
      const headers = headersOf(response_headers.headers);
      return ofHeaders('response_headers', await handlers.responseHeaders?.(headers, exchange));
    }
    if (request_body) {
      return ofBody('request_body', await handlers.requestBody?.(bodyOf(request_body), exchange));
    }
    if (response_body) {
      return ofBody('response_body', await handlers.responseBody?.(bodyOf(response_body), exchange));
    }
    if (message.request_trailers) return { request_trailers: {} };
    if (message.response_trailers) return { response_trailers: {} };
    throw new Error('the message is about nothing that is processed');
  }
}

function bodyOf({ body = '' }: { body?: string }): Buffer {
  return Buffer.from(body, 'base64');
}

/** Without a prototype's names among them. */
function headersOf(map: envoy.config.core.v3.HeaderMap | undefined): Headers {
  const headers = Object.create(null) as Record<string, string>;
  for (const { key = '', value, raw_value } of map?.headers ?? []) {
    const text = raw_value ? Buffer.from(raw_value, 'base64').toString('utf8') : (value ?? '');
    headers[key] = headers[key] === undefined ? text : `${headers[key]},${text}`;
  }
  return headers;
}

function ofHeaders(phase: 'request_headers' | 'response_headers', answer: Answer): Response {
  if (answer && isReply(answer)) return immediate(answer);
  if (answer?.body !== undefined) throw new Error('only a handler of bodies replaces a body');
  return { [phase]: { response: { header_mutation: mutationOf(answer) } } };
}

function ofBody(phase: 'request_body' | 'response_body', answer: Answer): Response {
  if (answer && isReply(answer)) return immediate(answer);
  if (answer?.body === undefined) return { [phase]: { response: { header_mutation: mutationOf(answer) } } };
  const body = Buffer.from(answer.body as string);
  // Envoy refuses a body that is not of the length that its headers tell.
  const header_mutation = mutationOf({ ...answer, set: { ...answer.set, 'content-length': String(body.length) } });
  return { [phase]: { response: { header_mutation, body_mutation: { body: body.toString('base64') } } } };
}

function mutationOf({ set = {}, remove = [] }: Change = {}): HeaderMutation {
  return {
    set_headers: Object.entries(set).map(([key, value]) => ({
      header: { key, raw_value: Buffer.from(value).toString('base64') },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    })),
    remove_headers: [...remove],
  };
}

function immediate({ status, headers, body }: Reply): Response {
  return {
    immediate_response: {
      status: { code: status as unknown as envoy.type.v3.StatusCode },
      headers: mutationOf({ set: headers }),
      ...(body !== undefined && { body: Buffer.from(body).toString('base64') }),
    },
  };
}
