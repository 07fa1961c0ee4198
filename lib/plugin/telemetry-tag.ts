/** A tag of metrics or spans. */
export interface TelemetryTag {
  /** Of letters, digits and underscores; one that the plugin has declared. */
  readonly name: string;
  /**
   * Its value in metrics, in CEL as the Telemetry API has it: `request.headers['x-tenant']`. Values of a client make series;
   * a listener keeps 2,000 of them at most.
   */
  readonly metrics?: string;
  /** Its value in spans: that of this header of the request, or the default. */
  readonly spans?: { readonly header: string; readonly defaultValue?: string };
}
