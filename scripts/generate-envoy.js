#!/usr/bin/env node
/**
 * Writes lib/envoy/generated/ from Envoy's own protos (node_modules/@grpc/grpc-js-xds/deps) and ours (lib/envoy/protos):
 *
 *   descriptor.ts  the bundle that lib/envoy/message.ts encodes and decodes by; a string, which V8 and tsc read fastest
 *   envoy.ts       the types of the messages in canonical JSON with original field names; erased by the compiler
 *
 * Plain JavaScript without a build, since everything else is built after it. It ends at once when nothing has changed.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const protobuf = require('protobufjs');

const project = path.dirname(__dirname);
const deps = path.join(path.dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const ours = path.join(project, 'lib/envoy/protos');
/** Ours come first: what they hold is newer. */
const bases = [ours, ...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((base) => path.join(deps, base))];
const target = path.join(project, 'lib/envoy/generated');

/** Folders of Envoy's API that a mesh needs; what their files import comes along. */
const roots = `
  admin config/accesslog config/bootstrap config/cluster config/core config/endpoint config/listener config/metrics
  config/overload config/ratelimit config/rbac config/route config/trace
  data/accesslog data/cluster data/core data/dns
  service/accesslog service/auth service/discovery service/ext_proc service/ratelimit service/status
  extensions/access_loggers/file extensions/access_loggers/filters/cel extensions/access_loggers/grpc
  extensions/access_loggers/open_telemetry extensions/access_loggers/stream extensions/access_loggers/wasm extensions/bootstrap/internal_listener
  extensions/clusters/aggregate extensions/clusters/dynamic_forward_proxy extensions/common/dynamic_forward_proxy
  extensions/common/matching extensions/common/ratelimit extensions/compression/brotli/compressor
  extensions/compression/gzip/compressor extensions/filters/common/fault extensions/filters/common/matcher/action
  extensions/filters/common/set_filter_state extensions/filters/http/adaptive_concurrency
  extensions/filters/http/admission_control extensions/filters/http/alternate_protocols_cache
  extensions/filters/http/bandwidth_limit extensions/filters/http/basic_auth extensions/filters/http/buffer
  extensions/filters/http/composite extensions/filters/http/compressor extensions/filters/http/cors
  extensions/filters/http/credential_injector extensions/filters/http/csrf extensions/filters/http/decompressor extensions/filters/http/dynamic_forward_proxy
  extensions/filters/http/ext_authz extensions/filters/http/ext_proc extensions/filters/http/fault
  extensions/filters/http/grpc_http1_bridge extensions/filters/http/grpc_json_transcoder
  extensions/filters/http/grpc_stats extensions/filters/http/grpc_web extensions/filters/http/header_mutation
  extensions/filters/http/header_to_metadata extensions/filters/http/health_check extensions/filters/http/ip_tagging
  extensions/filters/http/json_to_metadata extensions/filters/http/jwt_authn extensions/filters/http/local_ratelimit
  extensions/filters/http/lua extensions/filters/http/oauth2 extensions/filters/http/on_demand
  extensions/filters/http/original_src extensions/filters/http/rate_limit_quota extensions/filters/http/ratelimit
  extensions/filters/http/rbac extensions/filters/http/router extensions/filters/http/set_filter_state
  extensions/filters/http/set_metadata extensions/filters/http/stateful_session extensions/filters/http/tap
  extensions/filters/http/upstream_codec extensions/filters/http/wasm
  extensions/filters/listener/http_inspector extensions/filters/listener/local_ratelimit
  extensions/filters/listener/original_dst extensions/filters/listener/original_src
  extensions/filters/listener/proxy_protocol extensions/filters/listener/tls_inspector
  extensions/filters/network/connection_limit extensions/filters/network/direct_response
  extensions/filters/network/echo extensions/filters/network/ext_authz
  extensions/filters/network/http_connection_manager extensions/filters/network/local_ratelimit
  extensions/filters/network/ratelimit extensions/filters/network/rbac extensions/filters/network/set_filter_state
  extensions/filters/network/sni_cluster extensions/filters/network/sni_dynamic_forward_proxy
  extensions/filters/network/tcp_proxy extensions/filters/network/wasm
  extensions/filters/udp/dns_filter extensions/filters/udp/udp_proxy extensions/formatter extensions/health_check
  extensions/http/early_header_mutation extensions/http/header_formatters extensions/http/injected_credentials/generic
  extensions/http/original_ip_detection
  extensions/http/stateful_session extensions/internal_redirect extensions/load_balancing_policies extensions/matching
  extensions/network/dns_resolver/cares extensions/network/dns_resolver/getaddrinfo extensions/path
  extensions/outlier_detection_monitors extensions/rate_limit_descriptors extensions/rbac extensions/regex_engines
  extensions/request_id extensions/resource_monitors extensions/retry extensions/stat_sinks
  extensions/string_matcher extensions/tracers extensions/transport_sockets/http_11_proxy
  extensions/transport_sockets/internal_upstream extensions/transport_sockets/proxy_protocol
  extensions/transport_sockets/raw_buffer extensions/transport_sockets/starttls
  extensions/transport_sockets/tcp_stats extensions/transport_sockets/tls extensions/upstreams extensions/wasm type
`
  .trim()
  .split(/\s+/);

/** Fields that the package's protos are too old for, where a whole file of ours would hold nothing else: message, name, id, type. */
const newer = [
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'http1_safe_max_connection_duration',
    58,
    'bool',
  ],
  ['envoy.extensions.http.injected_credentials.generic.v3.Generic', 'header_value_prefix', 3, 'string'],
];

/** Imported only for options, which the bundle drops; and OpenCensus, which Envoy has removed. */
const skipped =
  /^(opencensus\/|envoy\/config\/trace\/v3\/opencensus|validate\/|udpa\/annotations\/|xds\/annotations\/|envoy\/annotations\/|google\/api\/(?!expr)|google\/protobuf\/descriptor)/;

function protosUnder(folder, base) {
  return fs
    .readdirSync(path.join(base, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.proto'))
    .map((entry) => path.relative(base, path.join(entry.parentPath ?? entry.path, entry.name)));
}

function rootFiles() {
  const envoy = path.join(deps, 'envoy-api');
  const current = roots
    .flatMap((folder) => protosUnder(path.join('envoy', folder), envoy))
    .filter((file) => /\/v3\//.test(file) && !skipped.test(file));
  return [
    ...new Set([
      ...current,
      'xds/type/v3/typed_struct.proto',
      'udpa/type/v1/typed_struct.proto',
      ...(fs.existsSync(ours) ? protosUnder('.', ours) : []),
    ]),
  ].sort();
}

/** Changes when this script, the package with the protos, or a proto of ours does. */
function stamp() {
  const hash = createHash('sha256').update(fs.readFileSync(__filename));
  hash.update(require('@grpc/grpc-js-xds/package.json').version).update(require('protobufjs/package.json').version);
  if (fs.existsSync(ours))
    for (const file of protosUnder('.', ours).sort()) hash.update(fs.readFileSync(path.join(ours, file)));
  return hash.digest('hex').slice(0, 16);
}

function load() {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, file) => {
    if (skipped.test(file)) return null;
    for (const base of bases) if (fs.existsSync(path.join(base, file))) return path.join(base, file);
    if (protobuf.common.get(file)) return file;
    throw new Error(`${file} is imported by ${_origin} and is in none of ${bases.join(', ')}`);
  };
  root.loadSync(rootFiles(), { keepCase: true });
  for (const [message, name, id, type] of newer) root.lookupType(message).add(new protobuf.Field(name, id, type));
  return root.resolveAll();
}

/**
 * What encoding needs and no more, since every command of the program reads it at its start: enums by name, and
 * messages as lists of fields [name, id, type, label, oneof]. A label is `''`, `optional` (presence is tracked),
 * `repeated`, `packed`, or the key type of a map; `oneof` is the index of the oneof in its message.
 */
function descriptorOf(root) {
  const enums = {};
  const messages = {};
  const walk = (node) => {
    for (const child of node.nestedArray) {
      if (child instanceof protobuf.Enum) enums[child.fullName.slice(1)] = child.values;
      if (child instanceof protobuf.Type) messages[child.fullName.slice(1)] = child.fieldsArray.map(fieldOf);
      if (child instanceof protobuf.Namespace) walk(child);
    }
  };
  walk(root);
  return { enums, messages };
}

function fieldOf(field) {
  const isNumber = !field.resolvedType || field.resolvedType instanceof protobuf.Enum;
  const isPacked = field.repeated && field.packed && isNumber && field.type !== 'string' && field.type !== 'bytes';
  const label = field.map
    ? field.keyType
    : isPacked
      ? 'packed'
      : field.repeated
        ? 'repeated'
        : field.partOf
          ? 'optional'
          : '';
  const tuple = [field.name, field.id, field.resolvedType ? field.resolvedType.fullName.slice(1) : field.type];
  if (field.partOf) tuple.push(label, field.parent.oneofsArray.indexOf(field.partOf));
  else if (label !== '') tuple.push(label);
  return tuple;
}

/** How the well-known types look in canonical JSON (https://protobuf.dev/programming-guides/json). */
const wellKnown = `export declare namespace google.protobuf {
  /** Any message: the type URL, and beside it the message's own fields. */
  interface Any { '@type': string; [field: string]: unknown }
  /** Seconds with up to nine decimals: \`'0.250s'\`. */
  type Duration = string;
  /** RFC 3339 in UTC: \`'2026-01-01T00:00:00Z'\`. */
  type Timestamp = string;
  type FieldMask = string;
  interface Empty {}
  interface Struct { [field: string]: unknown }
  type Value = unknown;
  type ListValue = unknown[];
  type NullValue = null;
  type BoolValue = boolean;
  type StringValue = string;
  /** Base64. */
  type BytesValue = string;
  type DoubleValue = number | 'NaN' | 'Infinity' | '-Infinity';
  type FloatValue = number | 'NaN' | 'Infinity' | '-Infinity';
  type Int32Value = number;
  type UInt32Value = number;
  type Int64Value = number | string;
  type UInt64Value = number | string;
}
`;

const scalars = { string: 'string', bool: 'boolean', bytes: 'string' };
for (const name of ['int32', 'uint32', 'sint32', 'fixed32', 'sfixed32']) scalars[name] = 'number';
for (const name of ['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']) scalars[name] = 'number | string';
for (const name of ['float', 'double']) scalars[name] = "number | 'NaN' | 'Infinity' | '-Infinity'";

function typeOf(field) {
  const one = field.resolvedType ? field.resolvedType.fullName.slice(1) : scalars[field.type];
  if (field.map) return `{ [key: string]: ${one} }`;
  return field.repeated ? (/[|']/.test(one) ? `(${one})[]` : `${one}[]`) : one;
}

function types(namespace, depth, lines, messages) {
  const indent = '  '.repeat(depth);
  for (const child of namespace.nestedArray) {
    if (child instanceof protobuf.Enum) {
      const names = Object.keys(child.values).map((name) => `'${name}'`);
      lines.push(`${indent}type ${child.name} = ${names.join(' | ')};`);
      continue;
    }
    if (child instanceof protobuf.Type) {
      messages.push(child.fullName.slice(1));
      const fields = child.fieldsArray.map((field) => `${indent}  ${field.name}?: ${typeOf(field)};`);
      lines.push(`${indent}interface ${child.name} {`, ...fields, `${indent}}`);
    } else if (!(child instanceof protobuf.Namespace) || child instanceof protobuf.Service) continue;
    if (child.fullName === '.google.protobuf') continue;
    const inner = [];
    types(child, depth + 1, inner, messages);
    if (inner.length > 0) {
      lines.push(
        `${indent}${depth === 0 ? 'export declare namespace' : 'namespace'} ${child.name} {`,
        ...inner,
        `${indent}}`,
      );
    }
  }
}

function main() {
  const head = `// Generated by scripts/generate-envoy.js from Envoy's protos; not in version control. Stamp: ${stamp()}\n`;
  const descriptorFile = path.join(target, 'descriptor.ts');
  const typesFile = path.join(target, 'envoy.ts');
  const isCurrent = (file) => fs.existsSync(file) && fs.readFileSync(file, 'utf8').startsWith(head);
  if (isCurrent(descriptorFile) && isCurrent(typesFile)) return;

  const root = load();
  const lines = [];
  const messages = [];
  types(root, 0, lines, messages);
  const byName = messages.map((name) => `  '${name}': ${name};`);
  const bundle = JSON.stringify(descriptorOf(root)).replaceAll('\\', '\\\\').replaceAll("'", "\\'");

  fs.mkdirSync(target, { recursive: true });
  const write = (file, text) => {
    fs.writeFileSync(`${file}.${process.pid}`, head + text);
    fs.renameSync(`${file}.${process.pid}`, file);
  };
  write(
    descriptorFile,
    `/** Every message and enum, as JSON; scripts/generate-envoy.js tells the form. */\nexport const descriptor: string =\n  '${bundle}';\n`,
  );
  write(
    typesFile,
    `/** Every message by its full name. */\nexport interface MessageTypes {\n${byName.join('\n')}\n}\n\n${wellKnown}\n${lines.join('\n')}\n`,
  );
}

if (require.main === module) main();

module.exports = { load };
