/**
 * Bookinfo's four services as one small program: `node service.js NAME VERSION`. Each answers JSON that says who
 * answered; productpage asks details and reviews, reviews v2 and v3 ask ratings. It knows nothing of the mesh but the
 * one thing that every application has to do: hand on the headers that belong to a request's trace.
 */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';

const PORT = 9080;
const TIMEOUT_MS = 5000;

/** W3C and Zipkin trace headers, and what routes look at. */
const PROPAGATED = ['x-request-id', 'traceparent', 'tracestate', 'b3', 'end-user', 'user-agent'];
const PROPAGATED_PREFIXES = ['x-b3-'];

type Json = Record<string, unknown>;

/** What each service says by itself; {@link callsOf} says whom it asks. */
const SAYS: Record<string, (version: string) => Json> = {
  productpage: () => ({ title: 'The Comedy of Errors' }),
  details: () => ({ author: 'William Shakespeare', year: 1595, type: 'paperback', pages: 200, language: 'English' }),
  reviews: (version) => ({
    reviews: [
      { reviewer: 'Reviewer1', text: 'An extremely entertaining play by Shakespeare.' },
      { reviewer: 'Reviewer2', text: 'Absolutely fun and entertaining.' },
    ],
    stars: { v1: 'none', v2: 'black', v3: 'red' }[version] ?? 'none',
  }),
  ratings: () => ({ ratings: { Reviewer1: 5, Reviewer2: 4 } }),
};

/** Service → path, for each service that asks others. */
function callsOf(service: string, itsVersion: string): Record<string, string> {
  if (service === 'productpage') return { details: '/details/0', reviews: '/reviews/0' };
  if (service === 'reviews' && itsVersion !== 'v1') return { ratings: '/ratings/0' };
  return {};
}

const [name = '', version = ''] = process.argv.slice(2);
if (!SAYS[name] || !version) {
  console.error(
    `usage: service.js NAME VERSION; got '${[name, version].join(' ').trim()}', names are ${Object.keys(SAYS).join(', ')}`,
  );
  process.exit(2);
}

const agent = new Agent({ keepAlive: true });
const proxy = process.env.HTTP_PROXY ? new URL(process.env.HTTP_PROXY) : undefined;

/** Asks another service; a failure is part of the answer, as on Bookinfo's own page. */
async function ask(service: string, path: string, headers: Record<string, string>): Promise<unknown> {
  try {
    const { status, body } = await get(service, path, headers);
    return status === 200 ? JSON.parse(body) : { status, error: body.trim() };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** By the HTTP proxy where there is one (explicit capture), else by the Service's name or Kubernetes' variables. */
function get(
  service: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  const prefix = service.toUpperCase();
  const authority = `${service}:${PORT}`;
  const target = proxy
    ? { host: proxy.hostname, port: proxy.port, path: `http://${authority}${path}` }
    : {
        host: process.env[`${prefix}_SERVICE_HOST`] ?? service,
        port: process.env[`${prefix}_SERVICE_PORT`] ?? PORT,
        path,
      };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { ...target, agent, timeout: TIMEOUT_MS, headers: { ...headers, host: authority } },
      (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${service} did not answer within ${TIMEOUT_MS} ms`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function propagated(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' &&
        (PROPAGATED.includes(entry[0]) || PROPAGATED_PREFIXES.some((prefix) => entry[0].startsWith(prefix))),
    ),
  );
}

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  incoming.resume();
  const headers = propagated(incoming.headers);
  const calls = incoming.url === '/health' ? {} : callsOf(name, version);
  const answers = await Promise.all(
    Object.entries(calls).map(async ([service, path]) => [service, await ask(service, path, headers)] as const),
  );
  const body = {
    service: name,
    version,
    pod: process.env.POD_NAME,
    path: incoming.url,
    ...SAYS[name]!(version),
    ...(answers.length > 0 && { calls: Object.fromEntries(answers) }),
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

createServer((incoming, response) => void answer(incoming, response)).listen(
  PORT,
  process.env.APP_ADDRESS || '0.0.0.0',
);
