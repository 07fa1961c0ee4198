/** What a rule writes its remarks to. Rules run only on values that match their schema. */
import type { Remark } from '../catalogue';
import { join } from '../path';

export interface RuleRemark extends Remark {
  code: 'IST0106' | 'IST0133' | 'MAL0001';
}

/** The place of a value in its object, and where remarks about it go. */
export class Check {
  constructor(
    readonly path: string,
    private readonly remarks: RuleRemark[] = [],
  ) {}

  /** The same for a value below, whose path is written already: `typed_config.rules[0]`. */
  below(path: string): Check {
    if (path === '') return this;
    return new Check(`${this.path}${path.startsWith('[') ? '' : '.'}${path}`, this.remarks);
  }

  /** The same for a value below. */
  at(...steps: (string | number)[]): Check {
    return new Check(steps.reduce<string>(join, this.path), this.remarks);
  }

  error(message: string, fix?: string): void {
    this.remarks.push({ code: 'IST0106', path: this.path, message, ...(fix ? { fix } : {}) });
  }

  warning(message: string, fix?: string): void {
    this.remarks.push({ code: 'IST0133', path: this.path, message, ...(fix ? { fix } : {}) });
  }

  /** For what is accepted, but not done. */
  unserved(message: string): void {
    this.remarks.push({ code: 'MAL0001', path: this.path, message });
  }

  /** All remarks so far, of this place and every other of the object. */
  all(): readonly RuleRemark[] {
    return this.remarks;
  }

  /** Visits the entries of a list, each with its place. */
  each<T>(list: readonly T[] | undefined, visit: (item: T, check: Check, index: number) => void): void {
    for (const [index, item] of (list ?? []).entries()) {
      visit(item, this.at(index), index);
    }
  }
}
