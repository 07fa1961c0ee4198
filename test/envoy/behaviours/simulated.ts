/** The simulator's answer to the same question, held against what Envoy did. */
import { Translator } from '../../../lib/pilot';
import { ask as simulate } from '../../../lib/simulator';
import type { Ask, Reply } from './behaviour';
import { answererOf, NAMESPACE_OF } from './cast';
import type { BehaviourMesh } from './mesh';
import { partsOfUrl } from './order';

const translator = new Translator();

export function compareWithSimulator(mesh: BehaviourMesh, ask: Ask, reply: Reply): void {
  const from = ask.from ?? 'client';
  // Without a proxy there is nothing to simulate.
  if (from === 'outside') return;
  const { world, proxy } = mesh.inForce(from);
  const { scheme, host, port, path } = partsOfUrl(ask.url);
  const answer = simulate(world, translator.snapshot(world, proxy), {
    from: proxy,
    host,
    port,
    path,
    method: ask.http === 'grpc' ? 'POST' : ask.method,
    headers: { ...ask.headers, ...(ask.http === 'grpc' && { 'content-type': 'application/grpc' }) },
    tls: scheme === 'https',
    claims: claimsOf(ask),
    sidecarAt: (address) => {
      const pod = Object.keys(NAMESPACE_OF).find((name) => mesh.addressOf(name) === address);
      if (pod === undefined || pod === 'outside') return undefined;
      const sidecar = mesh.inForce(pod as Parameters<BehaviourMesh['inForce']>[0]);
      return translator.snapshot(sidecar.world, sidecar.proxy);
    },
  });
  const said = { ask, answer, reply };
  switch (answer.kind) {
    case 'forward': {
      // Some of the requests meet the fault.
      if (reply.who === undefined && answer.faults?.abort?.status === reply.status) return;
      if (reply.who === undefined && answer.destinations.some(({ status }) => status === reply.status)) return;
      const addresses = answer.destinations.flatMap(({ endpoints }) => endpoints.map((each) => each.split(':')[0]));
      const possible = Object.keys(NAMESPACE_OF).filter((pod) => addresses.includes(mesh.addressOf(pod)));
      expect({ ...said, possible: possible.map(answererOf) }).toMatchObject({
        possible: expect.arrayContaining([reply.who]),
      });
      if (answer.path !== undefined && reply.seen)
        expect({ ...said, path: answer.path }).toMatchObject({ path: reply.seen.path });
      if (answer.authority !== undefined && reply.seen?.headers.host !== undefined)
        expect({ ...said, authority: answer.authority }).toMatchObject({ authority: reply.seen.headers.host });
      return;
    }
    case 'redirect':
      expect({ ...said, status: answer.status, location: answer.location }).toMatchObject({
        status: reply.status,
        location: reply.headers?.location,
      });
      return;
    case 'response':
      expect({ ...said, status: answer.status, body: answer.body }).toMatchObject({
        status: reply.status,
        body: reply.body,
      });
      expect({ ...said, grpcStatus: answer.grpcStatus }).toMatchObject({ grpcStatus: reply.grpcStatus });
      expect(reply.headers).toMatchObject(answer.headers ?? {});
      return;
    case 'refusal':
      expect({ ...said, status: answer.status, who: undefined }).toMatchObject({
        status: reply.status,
        who: reply.who,
      });
  }
}

/** The simulator takes signatures for good: a token whose signature is not is for rows to try, not for it. */
function claimsOf({ headers }: Ask): Record<string, unknown> | undefined {
  const [, payload] = /^Bearer [^.]+\.([^.]+)\./.exec(String(headers?.authorization ?? '')) ?? [];
  return payload === undefined ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString());
}
