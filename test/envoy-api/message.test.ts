import fc from 'fast-check';
import { Type } from 'protobufjs';
import { messageNames } from '../../lib/envoy/codec';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { any, decode, encode, encodeAny, isKnown, type MessageName } from '../../lib/envoy/message';
import { arbitraryMessage, bundle } from './arbitrary-message';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const cluster = (fields: object) => encode(CLUSTER as string, fields);

describe('a message of any type', () => {
  const types = messageNames().map((name) => bundle.lookupType(name));

  it('comes back from its bytes as it was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types).chain((type) => fc.tuple(fc.constant(type), arbitraryMessage(type, 3))),
        ([type, message]) => {
          const name = type.fullName.slice(1);
          expect(decode(name, encode(name, message as object))).toEqual(message);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('means the same to protobufjs itself', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types).chain((type) => fc.tuple(fc.constant(type), arbitraryMessage(type, 3))),
        ([type, message]) => {
          // protobufjs loses 64-bit map keys on the way through JavaScript's objects.
          fc.pre(!/"(positions|macro_calls|type_map|reference_map)":/.test(JSON.stringify(message)));
          const name = type.fullName.slice(1);
          const theirs = type.encode(type.decode(encode(name, message as object))).finish();
          expect(decode(name, theirs)).toEqual(message);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('survives random bytes: it decodes or throws, and never hangs', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
        try {
          expect(decode(type.fullName.slice(1), bytes)).not.toBe(undefined);
        } catch (error) {
          expect((error as Error).message).toContain(type.fullName.slice(1));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('canonical JSON', () => {
  it('shows durations, wrappers, enums, structs and Any as config_dump does', () => {
    const message: envoy.config.cluster.v3.Cluster = {
      name: 'outbound|80||a.b.svc.cluster.local',
      type: 'EDS',
      connect_timeout: '0.250s',
      per_connection_buffer_limit_bytes: 32768,
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 0 } } },
        ),
      },
      metadata: { filter_metadata: { istio: { services: [{ host: 'a', weight: 1.5, extra: null, on: true }] } } },
    };
    expect(decode(CLUSTER, encode(CLUSTER, message))).toEqual(message);
  });

  it('leaves defaults out', () => {
    expect(
      decode(CLUSTER, cluster({ name: '', dns_lookup_family: 'AUTO', alt_stat_name: undefined, lb_policy: null })),
    ).toEqual({});
  });

  it('keeps a default where presence means something', () => {
    const action = { cluster: '', timeout: '0s', retry_policy: { num_retries: 0 } };
    const bytes = encode('envoy.config.route.v3.RouteAction', action);
    expect(decode('envoy.config.route.v3.RouteAction', bytes)).toEqual(action);
  });

  it('accepts numbers for 64-bit integers while they are exact, and prints strings', () => {
    const name = 'envoy.config.core.v3.DataSource';
    expect(isKnown(name)).toBe(true);
    const bytes = encode('google.protobuf.UInt64Value', 5 as never);
    expect(decode('google.protobuf.UInt64Value', bytes)).toBe('5');
  });

  it('keeps the bytes of an Any whose type it does not know', () => {
    const config = { name: 'x', typed_config: { '@type': 'type.googleapis.com/newer.Filter', value: 'CAE=' } };
    const name = 'envoy.config.core.v3.TypedExtensionConfig';
    expect(decode(name, encode(name, config))).toEqual(config);
  });
});

describe('the bytes of a message', () => {
  it('do not depend on the order of its fields and map keys', () => {
    const one = cluster({ name: 'a', metadata: { filter_metadata: { x: { k: 1, l: 2 }, y: {} } } });
    const other = cluster({ metadata: { filter_metadata: { y: {}, x: { l: 2, k: 1 } } }, name: 'a' });
    expect(Buffer.from(other).equals(Buffer.from(one))).toBe(true);
  });

  it('are the same inside an Any', () => {
    const packed = encodeAny(`type.googleapis.com/${CLUSTER}`, { name: 'a' });
    expect(decode('google.protobuf.Any', packed)).toEqual({ '@type': `type.googleapis.com/${CLUSTER}`, name: 'a' });
  });

  it('may carry fields that are newer than our protos', () => {
    const bytes = Buffer.concat([cluster({ name: 'a' }), Buffer.from([0xfa, 0x3f, 2, 1, 1])]);
    expect(decode(CLUSTER, bytes)).toEqual({ name: 'a' });
  });
});

describe('a mistake in a message is named with its path', () => {
  const typed = (fields: object) => ({
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    ...fields,
  });
  const cases: [string, object, string][] = [
    ['an unknown field', { lb_polcy: 'RANDOM' }, 'lb_polcy: is no field of envoy.config.cluster.v3.Cluster'],
    ['a field in camel case', { connectTimeout: '1s' }, 'did you mean connect_timeout?'],
    ['a wrong enum', { lb_policy: 'FASTEST' }, 'lb_policy: must be one of ROUND_ROBIN, LEAST_REQUEST'],
    [
      'a malformed duration',
      { connect_timeout: '250ms' },
      'connect_timeout: must be a duration in seconds such as \'0.250s\', got "250ms"',
    ],
    [
      'a nested mistake',
      { load_assignment: { endpoints: [{}, { priority: -1 }] } },
      'load_assignment.endpoints[1].priority: must be an integer from 0',
    ],
    ['a list that is none', { health_checks: {} }, 'health_checks: must be a list, got {}'],
    ['a message that is none', { upstream_bind_config: 'x' }, 'upstream_bind_config: must be an object'],
    [
      'two members of one oneof',
      { type: 'EDS', cluster_type: { name: 'x' } },
      'only one of type and cluster_type may be set',
    ],
    [
      'a mistake inside an Any',
      { typed_extension_protocol_options: { a: typed({ dynamic: true }) } },
      'typed_extension_protocol_options.a.dynamic: is no field of',
    ],
    [
      'an Any without a type',
      { typed_extension_protocol_options: { a: { x: 1 } } },
      'typed_extension_protocol_options.a.@type: must be a type URL',
    ],
    [
      'an Any of an unknown type',
      { typed_extension_protocol_options: { a: { '@type': 'a/b.C', x: 1 } } },
      'a.@type: is no message that this build knows',
    ],
    ['a number for a string', { name: 1 }, 'name: must be a string, got 1'],
    [
      'bytes that are no base64',
      { metadata: { typed_filter_metadata: { a: { '@type': 'a/b.C', value: '!' } } } },
      'must be a base64 string',
    ],
    [
      'an integer that is not exact',
      { max_requests_per_connection: 1.5 },
      'max_requests_per_connection: must be an integer',
    ],
  ];

  it.each(cases)('%s', (_, message, problem) => {
    expect(() => cluster(message)).toThrow(problem);
  });

  it('also where it is the name of the message', () => {
    expect(() => encode('envoy.config.cluster.v3.Klaster', {})).toThrow(
      'envoy.config.cluster.v3.Klaster: is no message that this build knows',
    );
  });

  it('is an error, not an overflow, when the message has no end', () => {
    let deep: object = {};
    for (let level = 0; level < 10_000; level++) deep = { deep };
    expect(() => cluster({ metadata: { filter_metadata: { deep } } })).toThrow('nested more than 100 deep');
  });

  it('is an error when bytes nest without end', () => {
    // A google.protobuf.Value holds a ListValue (field 6), which holds Values (field 1).
    let bytes: Buffer = Buffer.alloc(0);
    for (let level = 0; level < 300; level++) {
      const list = Buffer.concat([Buffer.from([0x0a]), varint(bytes.length), bytes]);
      bytes = Buffer.concat([Buffer.from([0x32]), varint(list.length), list]);
    }
    expect(() => decode('google.protobuf.Value', bytes)).toThrow('nested more than 100 deep');
  });
});

describe('the bundle', () => {
  const roots: MessageName[] = [
    'envoy.service.discovery.v3.DeltaDiscoveryResponse',
    'envoy.service.accesslog.v3.StreamAccessLogsMessage',
    'envoy.config.bootstrap.v3.Bootstrap',
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
    'envoy.extensions.filters.http.rbac.v3.RBAC',
    'envoy.config.trace.v3.OpenTelemetryConfig',
    'envoy.admin.v3.ConfigDump',
  ];

  it.each(roots)('has %s', (name) => {
    expect(bundle.lookupType(name)).toBeInstanceOf(Type);
  });
});

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, ...varint(value >>> 7)]);
}
