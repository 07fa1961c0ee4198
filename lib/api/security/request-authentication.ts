/** RequestAuthentication: which tokens of end users are good. https://istio.io/latest/docs/reference/config/security/request_authentication/ */
import { securityKind } from '../kind';
import type { KubeObject } from '../object';
import { choice, duration, flag, list, message, type Static, text } from '../schema';
import { PolicyTargetReference, PolicyTargetReferences, WorkloadSelector } from '../selector';

const named = (description: string) => list(text('A name.', { minLength: 1 }), description);

export const JWTRule = message(
  {
    issuer: text('The `iss` claim that the token has to carry.', { minLength: 1 }),
    audiences: named(
      'Values of which the `aud` claim has to carry one. Default: the name of the service is asked of no token.',
    ),
    jwksUri: text("Where the public keys are fetched. Default: found by the issuer's OpenID discovery, by https.", {
      minLength: 1,
      maxLength: 2048,
    }),
    jwks_uri: text('The same as `jwksUri`, as older objects write it.', { minLength: 1, maxLength: 2048 }),
    jwks: text('The public keys themselves, a JSON Web Key Set.'),
    fromHeaders: list(
      message(
        { name: text('The header.', { minLength: 1 }), prefix: text('What stands before the token.') },
        { description: 'A header with a token.', required: ['name'] },
      ),
      'Headers in which the token may be. Default: Authorization with the prefix `Bearer `.',
    ),
    fromParams: named('Parameters of the query in which the token may be.'),
    fromCookies: named('Cookies in which the token may be.'),
    outputPayloadToHeader: text('The header in which the checked payload is passed on, base64url.'),
    outputClaimToHeaders: list(
      message(
        {
          header: text('The header.', { minLength: 1, pattern: '^[-_A-Za-z0-9]+$' }),
          claim: text('The claim; only strings, numbers and booleans.', { minLength: 1 }),
        },
        { description: 'A claim and its header.', required: ['header', 'claim'] },
      ),
      'Claims that are passed on in headers.',
    ),
    forwardOriginalToken: flag('Pass the token on to the workload. Default false.'),
    timeout: duration('How long fetching the keys may take. Default 5s.'),
    spaceDelimitedClaims: list(
      text('A claim.', { minLength: 1 }),
      'Claims that hold several values separated by spaces.',
      { maxItems: 64 },
    ),
    presence: choice(['OPTIONAL', 'REQUIRED'], 'Whether a request without any token is refused. Default OPTIONAL.'),
  },
  { description: 'Tokens of one issuer.', exclusive: [['jwks', 'jwksUri', 'jwks_uri']] },
);
export type JWTRule = Static<typeof JWTRule>;

export const RequestAuthenticationSpec = message(
  {
    selector: WorkloadSelector,
    targetRef: PolicyTargetReference,
    targetRefs: PolicyTargetReferences,
    jwtRules: list(JWTRule, 'The issuers whose tokens are good. A request with a bad token is refused.', {
      maxItems: 4096,
    }),
  },
  { description: 'Which tokens are good at some workloads.', exclusive: [['selector', 'targetRef', 'targetRefs']] },
);
export type RequestAuthenticationSpec = Static<typeof RequestAuthenticationSpec>;
export type RequestAuthentication = KubeObject<RequestAuthenticationSpec>;

export const RequestAuthentication = securityKind({
  kind: 'RequestAuthentication',
  plural: 'requestauthentications',
  shortNames: ['ra'],
  description: 'Which tokens of end users are good at some workloads.',
  schema: RequestAuthenticationSpec,
});
