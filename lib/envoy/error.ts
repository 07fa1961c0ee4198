/** Says what is wrong with a message, and where: `envoy.config.cluster.v3.Cluster: load_assignment.endpoints[0]: …`. */
export class MessageError extends Error {
  /** The message that was encoded or decoded; empty until the outermost call has added it. */
  type = '';
  /** The field, from the message that was encoded: `filter_chains[0].filters[1].typed_config`. */
  path = '';

  constructor(readonly problem: string) {
    super(problem);
    this.name = 'MessageError';
  }

  /** Prepends one step of the path on the way out; the happy path pays nothing for it. */
  at(step: string | number): this {
    const rest = this.path === '' || this.path.startsWith('[') ? this.path : `.${this.path}`;
    this.path = typeof step === 'number' ? `[${step}]${rest}` : `${step}${rest}`;
    return this;
  }

  /** Runs `work`; an error that comes out of it names `type`. Foreign errors (of a truncated input) become ours. */
  static within<T>(type: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = MessageError.of(error);
      failure.type = type;
      failure.message =
        failure.path === '' ? `${type}: ${failure.problem}` : `${type}: ${failure.path}: ${failure.problem}`;
      throw failure;
    }
  }

  static of(error: unknown): MessageError {
    return error instanceof MessageError
      ? error
      : new MessageError(error instanceof Error ? error.message : String(error));
  }
}

/** How an error shows a value that it did not expect; short, whatever the value is. */
export function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
