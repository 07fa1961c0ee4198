/** What Galley has to say about objects. A finding is a value; how it is shown is the caller's business. */

export type Level = 'error' | 'warning' | 'info';

/** One finding, in the form that `-o json` prints. */
export interface Finding {
  /** A stable code: Istio's `IST0101` where Istio has that finding, `MAL0001` and up where only we do. */
  code: string;
  level: Level;
  /** The name of the check; Istio's own where Istio has it. */
  analyzer: string;
  /** `VirtualService ns/name`, or `Kind name` for cluster-scoped objects; the file where there is no object yet. */
  resource: string;
  /** Lower case, no final period: what is wrong, what was got, what is allowed. */
  message: string;
  /** The field in the object: `spec.http[0].route[1].weight`. */
  path?: string;
  file?: string;
  line?: number;
  /** The path of the construct that wrote the object. */
  construct?: string;
  /** What to do about it. */
  fix?: string;
}
