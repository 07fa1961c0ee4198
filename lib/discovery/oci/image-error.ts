/** Why a module cannot be had. Messages name hosts, repositories and digests, never a credential. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  /** @param isVerdict the image is not what it has to be: asking again changes nothing, and what was served of it is taken back. */
  constructor(
    message: string,
    readonly isVerdict = false,
  ) {
    super(message);
  }

  static verdict(message: string): ImageError {
    return new ImageError(message, true);
  }
}
