/** What routes do with requests and answers on their way. */
import { choice, flag, int32, list, message, type Static, text, texts, uint32, unserved } from '../schema';
import { BackendObjectReference, LocalObjectReference, portNumber, preciseHostname } from './reference';

const TOKEN = "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$";

export const headerName = (description: string) => text(description, { minLength: 1, maxLength: 256, pattern: TOKEN });

const HttpHeader = message(
  { name: headerName('The name.'), value: text('The value.', { minLength: 1, maxLength: 4096 }) },
  { description: 'A header.', required: ['name', 'value'] },
);

export const HeaderModifier = message(
  {
    set: list(HttpHeader, 'Headers that get this value, whatever they had.', { maxItems: 16 }),
    add: list(HttpHeader, 'Values that are added.', { maxItems: 16 }),
    remove: texts('Headers that are taken away.', { maxItems: 16 }),
  },
  { description: 'Changes to headers.' },
);
export type HeaderModifier = Static<typeof HeaderModifier>;

export const PathModifier = message(
  {
    type: choice(['ReplaceFullPath', 'ReplacePrefixMatch'], 'What is replaced.'),
    replaceFullPath: text('The new path.', { maxLength: 1024 }),
    replacePrefixMatch: text('What takes the place of the prefix that matched.', { maxLength: 1024 }),
  },
  { description: 'A change to the path.', required: ['type'] },
);
export type PathModifier = Static<typeof PathModifier>;

export const RequestMirror = message(
  {
    backendRef: BackendObjectReference,
    percent: int32('The share of the requests, in percent. Default: all.', { minimum: 0, maximum: 100 }),
    fraction: message(
      {
        numerator: int32('Of so many.', { minimum: 0 }),
        denominator: int32('So many. Default 100.', { minimum: 1 }),
      },
      { description: 'The share of the requests.', required: ['numerator'] },
    ),
  },
  { description: 'A backend that gets a copy.', required: ['backendRef'], exclusive: [['percent', 'fraction']] },
);
export type RequestMirror = Static<typeof RequestMirror>;

export const RequestRedirect = message(
  {
    scheme: choice(['http', 'https'], 'Replaces the scheme.'),
    hostname: preciseHostname('Replaces the host.'),
    path: PathModifier,
    port: portNumber('Replaces the port.'),
    statusCode: uint32('The status of the answer: 301, 302 (the default), 303, 307 or 308.'),
  },
  { description: 'Answers with a redirect.' },
);
export type RequestRedirect = Static<typeof RequestRedirect>;

export const UrlRewrite = message(
  { hostname: preciseHostname('Replaces the host.'), path: PathModifier },
  { description: 'Changes where the request goes before it is forwarded.' },
);
export type UrlRewrite = Static<typeof UrlRewrite>;

export const CorsFilter = message(
  {
    allowOrigins: texts('Origins that may read the answers; `*` for all, `https://*.example.com` for some.', {
      maxItems: 64,
    }),
    allowCredentials: flag('Whether requests may carry credentials.'),
    allowMethods: texts('Methods that are allowed.', { maxItems: 9 }),
    allowHeaders: texts('Request headers that are allowed.', { maxItems: 64 }),
    exposeHeaders: texts('Response headers that scripts may read.', { maxItems: 64 }),
    maxAge: int32('How many seconds a preflight answer may be kept. Default 5.', { minimum: 1 }),
  },
  { description: 'Cross-origin resource sharing.' },
);
export type CorsFilter = Static<typeof CorsFilter>;

const common = {
  requestHeaderModifier: HeaderModifier,
  responseHeaderModifier: HeaderModifier,
  requestMirror: RequestMirror,
  extensionRef: LocalObjectReference,
};

export const HttpRouteFilter = message(
  {
    type: choice(
      [
        'RequestHeaderModifier',
        'ResponseHeaderModifier',
        'RequestMirror',
        'RequestRedirect',
        'URLRewrite',
        'ExtensionRef',
        'CORS',
        'ExternalAuth',
      ],
      'What the filter does.',
    ),
    ...common,
    requestRedirect: RequestRedirect,
    urlRewrite: UrlRewrite,
    cors: CorsFilter,
    externalAuth: unserved(message({}, { description: 'Asks another service whether the request may pass.' })),
  },
  { description: 'A step that requests and answers go through.', required: ['type'] },
);
export type HttpRouteFilter = Static<typeof HttpRouteFilter>;

export const GrpcRouteFilter = message(
  {
    type: choice(
      ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef'],
      'What the filter does.',
    ),
    ...common,
  },
  { description: 'A step that requests and answers go through.', required: ['type'] },
);
export type GrpcRouteFilter = Static<typeof GrpcRouteFilter>;
