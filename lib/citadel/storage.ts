/** Where an authority keeps its keys: a Secret in clusters, files of mode 0600 on a laptop. */

/** What is kept, and which version of it. */
export interface Kept {
  /** Changes with each save; a Secret's `resourceVersion`. */
  readonly version: string;
  /** Text by name, as in the data of a Secret: `root-cert.pem` → PEM. Not in base64. */
  readonly files: Readonly<Record<string, string>>;
  /** What was made here, where `files` are an operator's, kept apart, which go before it. A save replaces this, never those. */
  readonly own?: Kept;
}

/**
 * Keeps one set of files. Several replicas share it, so that a save says what it replaces, and the first of two that start
 * together makes the root for both.
 */
export interface Storage {
  /** Resolves to undefined when nothing was ever kept. Rejects when it cannot be read; nobody may take that for nothing. */
  load(): Promise<Kept | undefined>;
  /**
   * Replaces all files.
   * @param before the version that they replace; undefined: there is nothing yet.
   * @returns undefined, and nothing is changed, when the version is another one: load again.
   */
  save(files: Kept['files'], before: string | undefined): Promise<Kept | undefined>;
  /** Where it can tell: calls `onChange` when what is kept may be another version; returns how to stop. */
  watch?(onChange: () => void): () => void;
}

/** One of several replicas may change what all of them share, as whoever holds the Lease. */
export interface Leadership {
  isLeader(): boolean;
}

/** A replica without others, as on a laptop. */
export const alone: Leadership = { isLeader: () => true };
