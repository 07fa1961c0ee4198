/** Conditions, as Kubernetes writes them on the status of objects. */

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Why something does not hold: a reason of the API's documents, and what a person should know. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** The condition holds, with its own name as the reason unless there is another. */
export function holds(type: string, message = '', reason: string = type): Condition {
  return { type, status: 'True', reason, message };
}

export function fails(type: string, { reason, message }: Problem): Condition {
  return { type, status: 'False', reason, message };
}

/** Holds where there is no problem. */
export function unless(type: string, problem: Problem | undefined, message = ''): Condition {
  return problem ? fails(type, problem) : holds(type, message);
}
