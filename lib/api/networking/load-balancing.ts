/** How a request finds its endpoint among those of a service. */
import {
  choice,
  double,
  duration,
  flag,
  list,
  map,
  message,
  type Static,
  text,
  texts,
  uint32,
  uint64,
  unserved,
} from '../schema';

export const HTTPCookieAttribute = message(
  { name: text('The name of the attribute.'), value: text('Its value, if it has one.') },
  { description: 'An attribute of a cookie, such as `SameSite`.', required: ['name'] },
);

export const HTTPCookie = message(
  {
    name: text('The name of the cookie.'),
    path: text('The path for which the cookie holds.'),
    ttl: duration('How long the cookie lives; 0s makes it a session cookie. Left out, no cookie is made.', 0),
    attributes: list(HTTPCookieAttribute, 'Further attributes of the cookie.'),
  },
  { description: 'Hashes a cookie, and makes one where the request has none.', required: ['name'] },
);
export type HTTPCookie = Static<typeof HTTPCookie>;

export const ConsistentHashLB = message(
  {
    httpHeaderName: text('Hashes this header.'),
    httpCookie: HTTPCookie,
    useSourceIp: flag('Hashes the address of the client.'),
    httpQueryParameterName: text('Hashes this parameter of the query.'),
    ringHash: message(
      { minimumRingSize: uint64('The least number of points on the ring. Default 1024.') },
      { description: 'Ketama hashing.' },
    ),
    maglev: message(
      { tableSize: uint64('The size of the table; a prime number. Default 65537.') },
      { description: 'Maglev hashing.' },
    ),
    minimumRingSize: uint64('Deprecated form of `ringHash.minimumRingSize`.'),
  },
  {
    description: 'Requests with the same hash go to the same endpoint, as long as the endpoints stay.',
    exclusive: [
      ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
      ['ringHash', 'maglev'],
    ],
  },
);
export type ConsistentHashLB = Static<typeof ConsistentHashLB>;

const Failover = message(
  { from: text('A region.'), to: text('The region that takes over.') },
  { description: 'Which region takes over.' },
);

export const LocalityLoadBalancerSetting = message(
  {
    distribute: list(
      message(
        {
          from: text('The locality of the clients: `region/zone/sub-zone`, with `*` at the end.'),
          to: map(uint32('A share in percent.'), 'Localities and their shares; together 100.'),
        },
        { description: 'How the traffic of one locality is spread.' },
      ),
      'An explicit distribution. Not together with the failover fields.',
    ),
    failover: list(Failover, 'Where traffic goes when the endpoints of a region are ejected.'),
    failoverPriority: texts(
      'Labels whose equality between client and endpoint makes an endpoint preferred, the strongest first.',
    ),
    enabled: flag('Whether localities count. Default: as the mesh configuration says.'),
  },
  { description: 'Balancing between localities.' },
);
export type LocalityLoadBalancerSetting = Static<typeof LocalityLoadBalancerSetting>;

export const LoadBalancerSettings = message(
  {
    simple: choice(
      ['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'],
      'The algorithm. UNSPECIFIED, and the deprecated LEAST_CONN, mean LEAST_REQUEST, the default. PASSTHROUGH connects to the address that the client asked for.',
    ),
    consistentHash: ConsistentHashLB,
    backendUtilization: unserved(
      message(
        {
          errorUtilizationPenaltyPercent: uint32('How much errors count against an endpoint, in percent.'),
          metricNamesForComputingUtilization: texts('The reported metrics that utilization is computed from.'),
          weightExpirationPeriod: duration('After which time without reports a weight is forgotten.', 0),
          weightStabilizationPeriod: duration('How long an endpoint has to report before its weight counts.', 0),
          weightUpdatePeriod: duration('How often weights are computed.', 0),
        },
        { description: 'Weights from the utilization that endpoints report.' },
      ),
    ),
    localityLbSetting: LocalityLoadBalancerSetting,
    zoneAwareLbSetting: unserved(
      message(
        {
          enabled: flag('Whether zones count.'),
          failover: list(Failover, 'Where traffic goes when the endpoints of a region are ejected.'),
          failoverPriority: texts('Labels whose equality makes an endpoint preferred.'),
          minClusterSize: uint32('The least number of endpoints for zones to count.', { minimum: 1 }),
        },
        { description: 'Balancing that prefers the zone of the client.' },
      ),
    ),
    warmupDurationSecs: duration('Deprecated form of `warmup.duration`.'),
    warmup: message(
      {
        duration: duration('How long a new endpoint is warmed up.'),
        minimumPercent: double('The share of its weight that it starts with. Default 10.', {
          minimum: 0,
          maximum: 100,
        }),
        aggression: double('How fast its share grows; 1 is linear.', { minimum: 0 }),
      },
      { description: 'New endpoints get their traffic slowly.', required: ['duration'] },
    ),
  },
  {
    description: 'The load balancing of a service.',
    exclusive: [['simple', 'consistentHash', 'backendUtilization']],
  },
);
export type LoadBalancerSettings = Static<typeof LoadBalancerSettings>;
