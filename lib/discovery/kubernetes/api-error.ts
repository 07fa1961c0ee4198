/** What an API server says when it refuses: a `Status` object (API conventions of Kubernetes, "Response Status Kind"). */

export class KubeApiError extends Error {
  private constructor(
    message: string,
    /** The HTTP status code. */
    readonly status: number,
    /** `NotFound`, `AlreadyExists`, `Expired`, … */
    readonly reason: string | undefined,
  ) {
    super(message);
    this.name = 'KubeApiError';
  }

  /** @param body a Status as JSON, or whatever else came. */
  static of(what: string, status: number, body: string): KubeApiError {
    const said = readStatus(body);
    const message = said?.message ?? (body.slice(0, 200).trim() || `HTTP status ${status}`);
    return new KubeApiError(`${what}: ${message}`, status, said?.reason);
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }

  get isConflict(): boolean {
    return this.status === 409;
  }

  /** The version that was asked for is gone: everything has to be listed again. */
  get isExpired(): boolean {
    return this.status === 410;
  }
}

function readStatus(body: string): { message?: string; reason?: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return value && typeof value === 'object' ? (value as { message?: string; reason?: string }) : undefined;
  } catch {
    return undefined;
  }
}
