/** Tokens that a service asks of its callers. */
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { JWTRule } from '../lib/api';
import { problemAt } from './problem';
import type { IMeshService } from './service-version';
import { type Duration, durationText } from './units';

/** Whose tokens are good. */
export interface JwtOptions {
  /** The `iss` of the tokens. */
  readonly issuer: string;
  /** Where the issuer publishes its public keys; each proxy fetches them. Give this or `jwks`. */
  readonly jwksUri?: string;
  /** The public keys themselves, a JSON Web Key Set. Give this or `jwksUri`. */
  readonly jwks?: string;
  /** Values of which the `aud` of a token has to name one. Default: any. */
  readonly audiences?: readonly string[];
  /** How long fetching the keys may take. Default: 5 s. */
  readonly timeout?: Duration;
  /** Pass the token on to the workload. Default: false. */
  readonly forwardToken?: boolean;
  /** Paths that need no token, such as `/healthz`. Default: none. */
  readonly exceptPaths?: readonly string[];
}

/** Written for `service.requireJwt`: bad tokens are refused, and so are requests without one. */
export class RequiredJwt extends Construct {
  constructor(service: IMeshService & Construct, options: JwtOptions) {
    super(service, 'RequiredJwt');
    const { issuer, jwksUri, jwks, audiences, timeout, forwardToken, exceptPaths } = options;
    if ((jwksUri === undefined) === (jwks === undefined)) {
      throw problemAt(service, {
        code: 'MAL0140',
        what: `the keys of ${issuer} are needed once`,
        got: jwks === undefined ? 'neither jwks nor jwksUri' : 'both jwks and jwksUri',
        allowed: 'exactly one of them',
        fix: "pass jwksUri: 'https://…/jwks.json'",
      });
    }
    const { name, namespace, podLabels } = service;
    const metadata = { name: `${name}-jwt`, namespace };
    const selector = { matchLabels: podLabels };
    const rule: JWTRule = {
      issuer,
      ...(jwksUri !== undefined && { jwksUri }),
      ...(jwks !== undefined && { jwks }),
      ...(audiences && { audiences: [...audiences] }),
      ...(timeout && { timeout: durationText(timeout) }),
      ...(forwardToken && { forwardOriginalToken: true }),
    };
    new ApiObject(this, 'RequestAuthentication', {
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata,
      spec: { selector, jwtRules: [rule] },
    });
    new ApiObject(this, 'AuthorizationPolicy', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata,
      spec: {
        selector,
        action: 'DENY',
        rules: [
          {
            from: [{ source: { notRequestPrincipals: [`${issuer}/*`] } }],
            // Named, so that ports without requests stay as they are.
            to: [
              {
                operation: {
                  ports: service.ports.filter(({ isHttp }) => isHttp).map(({ targetPort }) => String(targetPort)),
                  ...(exceptPaths && { notPaths: [...exceptPaths] }),
                },
              },
            ],
          },
        ],
      },
    });
  }
}
