/** One HTTP request with bounds: time, size, and no redirect. For answers that fit into memory. */
import { request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';

export interface BoundedRequest extends Pick<RequestOptions, 'method' | 'headers' | 'ca' | 'lookup'> {
  readonly url: URL;
  /** How long all of it may take, in milliseconds. */
  readonly timeoutMilliseconds: number;
  /** The largest answer. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

export interface BoundedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

/** Resolves with any answer, redirects too, which are not followed. @throws Error that names the host, never a header. */
export function boundedRequest(options: BoundedRequest): Promise<BoundedAnswer> {
  const { url, timeoutMilliseconds, maxBytes, signal, ...rest } = options;
  const deadline = AbortSignal.timeout(timeoutMilliseconds);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const why = deadline.aborted ? `no answer within ${timeoutMilliseconds} ms` : error.message;
      reject(new Error(`${url.host} cannot be asked: ${why}`));
    };
    const send = url.protocol === 'https:' ? tlsRequest : plainRequest;
    const call = send(
      url,
      { ...rest, agent: false, signal: signal ? AbortSignal.any([deadline, signal]) : deadline },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > maxBytes) call.destroy(new Error(`its answer has more than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, bytes: Buffer.concat(chunks) });
        });
      },
    );
    call.on('error', fail);
    call.end();
  });
}
