/**
 * discovery/openid: finds the keys of issuers that RequestAuthentications name without saying where their keys are, and hands the
 * objects on with `jwksUri` filled in. The keys themselves are fetched by the proxies.
 *
 * What has been found stays until something else is found, so an issuer that is away takes nothing from anybody. Until something
 * has been found the rule has no keys, and every token of the issuer is refused.
 *
 * Bounds: 256 issuers, four questions at once, 64 kB and 5 s for each; a failure is tried again after 2 s, then up to 5 min.
 */
import { type JWTRule, RequestAuthentication } from '../../api';
import type { KubeObject } from '../../api/object';
import { type DocumentOptions, keysOfIssuer } from './document';

const MAX_ISSUERS = 256;
const AT_ONCE = 4;
const REFRESH_MILLISECONDS = 600_000;
const FIRST_RETRY_MILLISECONDS = 2_000;
const LAST_RETRY_MILLISECONDS = 300_000;

export interface IssuersOptions {
  /** Where an issuer's keys are. Default: asks the issuer. */
  readonly ask?: (issuer: string, options: DocumentOptions) => Promise<string>;
  /** Something has been found that objects which were handed on before do not have. */
  readonly onChange: () => void;
  readonly onTrouble: (issuer: string, trouble: string) => void;
  /** Milliseconds; returns what cancels it. Default: the system's timer. */
  readonly after?: (milliseconds: number, run: () => void) => () => void;
}

interface Issuer {
  keys?: string;
  failures: number;
  cancel?: () => void;
}

export class OpenIdIssuers {
  private readonly issuers = new Map<string, Issuer>();
  private readonly waiting = new Set<string>();
  private readonly ending = new AbortController();
  private asking = 0;
  private overflowing = false;

  constructor(private readonly options: IssuersOptions) {}

  /** The same objects, with the places of keys that are known. Begins to look for those that are not, forgets who is not named any more. */
  complete(objects: readonly KubeObject[]): KubeObject[] {
    const named = new Set(
      objects
        .filter(isRequestAuthentication)
        .flatMap(rulesWithoutKeys)
        .map(({ issuer }) => issuer!),
    );
    for (const [issuer, { cancel }] of this.issuers) {
      if (named.has(issuer)) continue;
      cancel?.();
      this.issuers.delete(issuer);
      this.waiting.delete(issuer);
    }
    for (const issuer of named) this.add(issuer);
    return objects.map((object) => (isRequestAuthentication(object) ? this.filled(object) : object));
  }

  close(): void {
    this.ending.abort();
    for (const { cancel } of this.issuers.values()) cancel?.();
    this.issuers.clear();
    this.waiting.clear();
  }

  private add(issuer: string): void {
    if (this.issuers.has(issuer) || this.ending.signal.aborted) return;
    if (this.issuers.size >= MAX_ISSUERS) {
      if (!this.overflowing) this.options.onTrouble(issuer, `more than ${MAX_ISSUERS} issuers without jwksUri; set it`);
      this.overflowing = true;
      return;
    }
    this.issuers.set(issuer, { failures: 0 });
    this.waiting.add(issuer);
    this.askNext();
  }

  private filled(object: RequestAuthentication): RequestAuthentication {
    if (rulesWithoutKeys(object).length === 0) return object;
    const jwtRules = object.spec!.jwtRules!.map((rule) => {
      const keys = lacksKeys(rule) ? this.issuers.get(rule.issuer!)?.keys : undefined;
      return keys ? { ...rule, jwksUri: keys } : rule;
    });
    return { ...object, spec: { ...object.spec, jwtRules } };
  }

  private askNext(): void {
    const [issuer] = this.waiting;
    if (issuer === undefined || this.asking >= AT_ONCE) return;
    this.waiting.delete(issuer);
    this.asking++;
    const { ask = keysOfIssuer } = this.options;
    ask(issuer, { signal: this.ending.signal })
      .then(
        (keys) => this.found(issuer, keys),
        (error: Error) => this.failed(issuer, error.message),
      )
      .finally(() => {
        this.asking--;
        this.askNext();
      });
    this.askNext();
  }

  private found(issuer: string, keys: string): void {
    const known = this.issuers.get(issuer);
    if (!known) return;
    const isNew = known.keys !== keys;
    known.keys = keys;
    known.failures = 0;
    this.askAgain(issuer, known, REFRESH_MILLISECONDS);
    if (isNew) this.options.onChange();
  }

  private failed(issuer: string, trouble: string): void {
    const known = this.issuers.get(issuer);
    if (!known || this.ending.signal.aborted) return;
    this.askAgain(issuer, known, Math.min(FIRST_RETRY_MILLISECONDS * 2 ** known.failures, LAST_RETRY_MILLISECONDS));
    known.failures++;
    this.options.onTrouble(issuer, trouble);
  }

  private askAgain(issuer: string, known: Issuer, milliseconds: number): void {
    const { after = systemTimer } = this.options;
    known.cancel = after(milliseconds, () => {
      this.waiting.add(issuer);
      this.askNext();
    });
  }
}

function isRequestAuthentication(object: KubeObject): object is RequestAuthentication {
  return object.kind === RequestAuthentication.kind && object.apiVersion.startsWith(`${RequestAuthentication.group}/`);
}

const lacksKeys = ({ issuer, jwks, jwksUri, jwks_uri }: JWTRule) => Boolean(issuer && !(jwks || jwksUri || jwks_uri));

const rulesWithoutKeys = ({ spec }: RequestAuthentication) => (spec?.jwtRules ?? []).filter(lacksKeys);

function systemTimer(milliseconds: number, run: () => void): () => void {
  const timer = setTimeout(run, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}
