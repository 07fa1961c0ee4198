/**
 * RateLimit: how many requests some workloads or gateways take. The mesh's own kind, since Istio has none. A rule matches
 * requests, says what they are counted by, and how many of them may pass.
 */
import { type MeshObject, malhaKind } from '../kind';
import { StringMatch } from '../networking/string-match';
import { choice, duration, flag, list, map, message, type Static, text, uint32 } from '../schema';
import { PolicyTargetReferences, WorkloadSelector } from '../selector';

export const RateLimitMatch = message(
  {
    path: StringMatch,
    methods: list(
      text('A method, such as GET. For gRPC always POST.', { maxLength: 32 }),
      'Methods; one has to match.',
      {
        maxItems: 16,
      },
    ),
    headers: map(StringMatch, 'By the names of headers: what their values have to be.', { maxProperties: 16 }),
    ports: list(
      uint32('A port number.', { minimum: 1, maximum: 65535 }),
      'Ports of the workload, or of the gateway’s servers; one has to match.',
      { maxItems: 64 },
    ),
  },
  { description: 'Requests. All fields that are set have to match. The path is compared without its query.' },
);
export type RateLimitMatch = Static<typeof RateLimitMatch>;

export const RateLimitKey = message(
  {
    by: choice(
      ['all', 'caller', 'header', 'remoteAddress', 'path'],
      'all: one count for everybody. caller: the identity that the caller has proven by mutual TLS. header: the value of a ' +
        'header. remoteAddress: the address of the client, for IPv6 its /64 network. path: the path without its query. ' +
        'Requests that do not have it share one count.',
    ),
    header: text('The name of the header, for `by: header`.', { maxLength: 256 }),
  },
  { description: 'What the requests are counted by: each value has the whole limit.', required: ['by'] },
);
export type RateLimitKey = Static<typeof RateLimitKey>;

export const RateLimitQuota = message(
  {
    requests: uint32('So many requests may pass.', { minimum: 1, maximum: 1_000_000_000 }),
    per: choice(['second', 'minute', 'hour', 'day'], 'In this time.'),
    burst: uint32('So many more may pass at once after a quiet time. Only for `mode: local`. Default 0.', {
      maximum: 1_000_000_000,
    }),
  },
  { description: 'How many requests may pass.', required: ['requests', 'per'] },
);
export type RateLimitQuota = Static<typeof RateLimitQuota>;

export const RateLimitRule = message(
  { match: RateLimitMatch, key: RateLimitKey, limit: RateLimitQuota },
  {
    description: 'A limit. Without `match` it is for all requests, without `key` for all together.',
    required: ['limit'],
  },
);
export type RateLimitRule = Static<typeof RateLimitRule>;

export const RateLimitSpec = message(
  {
    selector: WorkloadSelector,
    targetRefs: PolicyTargetReferences,
    mode: choice(
      ['local', 'global'],
      'local: each proxy counts for itself. global: the control plane counts for all proxies together. Default local.',
    ),
    onUnavailable: choice(
      ['allow', 'deny'],
      'What happens to requests while nobody can count, for `mode: global`, where it has to be said.',
    ),
    timeout: duration('How long a proxy waits for the count, for `mode: global`. Default 100ms.'),
    responseHeaders: flag(
      'Answers tell the limit, what is left of it and when it begins anew: x-ratelimit-limit, x-ratelimit-remaining, ' +
        'x-ratelimit-reset. Default true.',
    ),
    rules: list(RateLimitRule, 'Every rule that matches counts; a request passes when none is exceeded.', {
      minItems: 1,
      maxItems: 64,
    }),
  },
  {
    description: 'How many requests some workloads take.',
    required: ['rules'],
    exclusive: [['selector', 'targetRefs']],
  },
);
export type RateLimitSpec = Static<typeof RateLimitSpec>;
export type RateLimit = MeshObject<RateLimitSpec>;

export const RateLimit = malhaKind({
  kind: 'RateLimit',
  plural: 'ratelimits',
  description: 'How many requests some workloads or gateways take.',
  schema: RateLimitSpec,
  specRequired: true,
  printerColumns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'Who counts' },
    {
      name: 'Unavailable',
      type: 'string',
      jsonPath: '.spec.onUnavailable',
      description: 'What happens while nobody can count',
    },
  ],
});
