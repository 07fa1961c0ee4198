/** Listeners of one Gateway that cannot be told apart. */
import { compareText } from '../age';
import type { Problem } from './conditions';
import type { ListenerPlace } from './gateways';

/** What can share a port: HTTP is told apart by authority, TLS by server name. */
const FAMILY: Record<string, string> = { HTTP: 'HTTP', HTTPS: 'TLS', TLS: 'TLS', TCP: 'TCP' };

/**
 * Of listeners in one object that conflict none is served, as there is no telling which one was meant
 * (Gateway.spec.listeners); against those of a ListenerSet the ones of the Gateway, or of the older ListenerSet, stand.
 * @param places in that order.
 */
export function conflictsOf(places: readonly ListenerPlace[]): ReadonlyMap<ListenerPlace, Problem> {
  const problems = new Map<ListenerPlace, Problem>();
  const ports = new Map<number, ListenerPlace[]>();
  for (const place of places) {
    const others = ports.get(place.listener.port) ?? [];
    ports.set(place.listener.port, [...others, place]);
    for (const other of others) {
      if (problems.has(other) && other.owner !== place.owner) continue;
      const problem = conflictBetween(other, place);
      if (!problem) continue;
      problems.set(place, problem);
      if (other.owner === place.owner) problems.set(other, problem);
    }
  }
  return problems;
}

/** What is said of it names the listeners of the same object only: those of others may be nobody's business (GEP-1713). */
function conflictBetween(a: ListenerPlace, b: ListenerPlace): Problem | undefined {
  const { port } = b.listener;
  const names = [a.listener.name, b.listener.name].sort(compareText).join(' and ');
  const isWithin = a.owner === b.owner;
  if (FAMILY[a.listener.protocol] !== FAMILY[b.listener.protocol]) {
    const message = isWithin
      ? `${names} want different protocols on port ${port}`
      : `another listener of the Gateway has a different protocol on port ${port}`;
    return { reason: 'ProtocolConflict', message };
  }
  if ((a.listener.hostname ?? '*') !== (b.listener.hostname ?? '*')) return undefined;
  const message = isWithin
    ? `${names} have one port and one hostname`
    : `another listener of the Gateway has this hostname on port ${port}`;
  return { reason: 'HostnameConflict', message };
}
