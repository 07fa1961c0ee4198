/** Programs in JavaScript have no types to hold them back: a plain value where a construct takes another is told by its field. */
import type { IConstruct } from 'constructs';
import { shown } from '../lib/galley/schema-check';
import { problemAt } from './problem';
import { isDuration, isPercent } from './units';

/** @throws when something other than a Duration is given. */
export function checkDuration(at: IConstruct, field: string, value: unknown): void {
  if (value === undefined || isDuration(value)) return;
  throw wrong(at, field, value, 'a Duration', `${field}: Duration.seconds(${typeof value === 'number' ? value : 5})`);
}

/** @throws when something other than a Percent is given. */
export function checkPercent(at: IConstruct, field: string, value: unknown): void {
  if (value === undefined || isPercent(value)) return;
  throw wrong(at, field, value, 'a Percent', `${field}: Percent.of(${typeof value === 'number' ? value : 10})`);
}

/** @throws when no mesh is given. */
export function checkMesh(at: IConstruct, mesh: unknown): void {
  if (typeof (mesh as { join?: unknown } | undefined)?.join === 'function') return;
  throw wrong(at, 'mesh', mesh, 'the Mesh that it belongs to', "const mesh = new Mesh(app, 'mesh'), and pass mesh");
}

/** @throws when a list is missing, or is none. */
export function checkList(at: IConstruct, field: string, value: unknown, example: string): void {
  if (Array.isArray(value)) return;
  throw wrong(at, field, value, 'a list', `${field}: [${example}]`);
}

/** @throws when one of the ports says no protocol. */
export function checkPorts(at: IConstruct, ports: readonly unknown[]): void {
  const index = ports.findIndex((port) => typeof (port as { protocol?: unknown } | undefined)?.protocol !== 'string');
  if (index < 0) return;
  const port = ports[index];
  const number = typeof port === 'number' ? port : 8080;
  throw wrong(at, 'port', port, 'Port.http(…), Port.grpc(…), Port.tcp(…) and the like', `Port.http(${number})`);
}

function wrong(at: IConstruct, field: string, value: unknown, allowed: string, fix: string): Error {
  const what = value === undefined ? `${field} is missing` : `${field} is of another type`;
  return problemAt(at, { code: 'MAL0125', what, got: shown(value), allowed, fix });
}
