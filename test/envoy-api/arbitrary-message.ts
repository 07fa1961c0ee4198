/** Random messages in canonical JSON, made from Envoy's protos themselves, so that every kind of field turns up. */
import fc from 'fast-check';
import { Enum, type Field, MapField, type Root, Type } from 'protobufjs';

export const bundle = jest.requireActual<{ load(): Root }>('../../scripts/generate-envoy.js').load();

const decimals = fc.constantFrom('', '.500', '.000001', '.123456789');
const base64 = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const double = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('NaN', 'Infinity'));
const float = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.constantFrom(0.1, 2.5, 1e-7, '-Infinity'));
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const key = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('__proto__', 'constructor'));

const scalars: Record<string, fc.Arbitrary<unknown>> = {
  string: fc.string({ unit: 'grapheme', maxLength: 8 }),
  bool: fc.boolean(),
  bytes: base64,
  double,
  float,
  int32: fc.integer(),
  sint32: fc.integer(),
  sfixed32: fc.integer(),
  uint32: fc.nat({ max: 0xffffffff }),
  fixed32: fc.nat({ max: 0xffffffff }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  sint64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  sfixed64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  fixed64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
};

const wellKnown: Record<string, fc.Arbitrary<unknown>> = {
  Duration: fc.oneof(
    fc.tuple(fc.integer({ min: -1000, max: 315_576_000 }), decimals).map(([seconds, rest]) => `${seconds}${rest}s`),
    fc.constantFrom('0s', '-0.250s', '315576000000s'),
  ),
  Timestamp: fc
    .tuple(fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), decimals)
    .map(([date, rest]) => `${date.toISOString().slice(0, 19)}${rest}Z`),
  FieldMask: fc.constantFrom('', 'fooBar', 'a,b.cD'),
  Struct: fc.dictionary(key, json, { maxKeys: 3 }),
  Value: json,
  ListValue: fc.array(json, { maxLength: 3 }),
  Any: fc.oneof(
    fc.record({ '@type': fc.constant('type.googleapis.com/a.newer.Message'), value: base64 }),
    fc.record({ '@type': fc.constant('type.googleapis.com/google.protobuf.Duration'), value: fc.constant('3s') }),
    fc.record({
      '@type': fc.constant('type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'),
      suppress_envoy_headers: fc.constant(true),
    }),
  ),
  BoolValue: scalars['bool']!,
  StringValue: scalars['string']!,
  BytesValue: base64,
  DoubleValue: double,
  FloatValue: float,
  Int32Value: scalars['int32']!,
  UInt32Value: scalars['uint32']!,
  Int64Value: scalars['int64']!,
  UInt64Value: scalars['uint64']!,
};

/** `depth` says how deep messages nest; the deepest are empty. */
export function arbitraryMessage(type: Type, depth: number): fc.Arbitrary<unknown> {
  const special = type.fullName.startsWith('.google.protobuf.') ? wellKnown[type.name] : undefined;
  if (special) return special;
  if (depth === 0) return fc.constant({});
  // A few fields of a large message at a time keep the run fast.
  return fc.shuffledSubarray(type.fieldsArray, { maxLength: Math.min(6, type.fieldsArray.length) }).chain((chosen) => {
    const fields = chosen.filter(
      (field, index) => !field.partOf || chosen.findIndex((other) => other.partOf === field.partOf) === index,
    );
    const model: Record<string, fc.Arbitrary<unknown>> = {};
    for (const field of fields) model[field.name] = arbitraryField(field, depth);
    return fc.record(model).map((message) => withoutDefaults(type, message as Record<string, unknown>));
  });
}

function arbitraryField(field: Field, depth: number): fc.Arbitrary<unknown> {
  const resolved = field.resolve().resolvedType;
  const one =
    resolved instanceof Enum
      ? fc.constantFrom(
          ...new Map(
            Object.entries(resolved.values)
              .map(([name, id]) => [id, name] as const)
              .reverse(),
          ).values(),
          4711,
        )
      : resolved instanceof Type
        ? arbitraryMessage(resolved, depth - 1)
        : scalars[field.type]!;
  if (!(field instanceof MapField)) return field.repeated ? fc.array(one, { minLength: 1, maxLength: 3 }) : one;
  const keys =
    field.keyType === 'string'
      ? key
      : field.keyType === 'bool'
        ? fc.constantFrom('true', 'false')
        : fc.nat().map(String);
  return fc.dictionary(keys, one, { minKeys: 1, maxKeys: 3 });
}

/** Canonical JSON leaves out what the wire leaves out: defaults of fields that do not track presence. */
function withoutDefaults(type: Type, message: Record<string, unknown>): Record<string, unknown> {
  const isDefault = (name: string, value: unknown) => {
    const field = type.fields[name]!;
    if (field.repeated || field.map || field.partOf || field.resolvedType instanceof Type) return false;
    if (field.resolvedType instanceof Enum) return field.resolvedType.values[String(value)] === 0;
    return value === '' || value === false || value === '0' || Object.is(value, 0);
  };
  return Object.fromEntries(Object.entries(message).filter(([name, value]) => !isDefault(name, value)));
}
