/** Changes to headers, from `headers.request` and `headers.response`. */
import type { HeaderOperations, Headers } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { compareText } from '../world';

type HeaderValueOption = envoy.config.core.v3.HeaderValueOption;

/** The fields that routes and weighted clusters have in common. */
export interface HeaderEdits {
  request_headers_to_add?: HeaderValueOption[];
  request_headers_to_remove?: string[];
  response_headers_to_add?: HeaderValueOption[];
  response_headers_to_remove?: string[];
}

export function headerEdits(headers: Headers | undefined): HeaderEdits {
  const request = edits(headers?.request);
  const response = edits(headers?.response);
  return {
    ...(request.add.length > 0 && { request_headers_to_add: request.add }),
    ...(request.remove.length > 0 && { request_headers_to_remove: request.remove }),
    ...(response.add.length > 0 && { response_headers_to_add: response.add }),
    ...(response.remove.length > 0 && { response_headers_to_remove: response.remove }),
  };
}

/** The authority that `headers.request.set` asks for; Envoy has a field of its own for it. */
export function authorityOf(headers: Headers | undefined): string | undefined {
  const { set, add } = headers?.request ?? {};
  for (const [name, value] of [...Object.entries(set ?? {}), ...Object.entries(add ?? {})]) {
    if (isAuthority(name)) return value;
  }
  return undefined;
}

function edits(operations: HeaderOperations | undefined) {
  const values = (map: Record<string, string> | undefined, append_action: HeaderValueOption['append_action']) =>
    Object.entries(map ?? {})
      .filter(([name]) => isEditable(name))
      .sort(([a], [b]) => compareText(a, b))
      .map(([key, value]) => ({ header: { key, value }, append_action }));
  return {
    add: [
      ...values(operations?.set, 'OVERWRITE_IF_EXISTS_OR_ADD'),
      ...values(operations?.add, 'APPEND_IF_EXISTS_OR_ADD'),
    ],
    remove: [...(operations?.remove ?? [])].filter(isEditable).sort(compareText),
  };
}

function isAuthority(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'host' || lower === ':authority';
}

/** Envoy refuses a whole route configuration that edits one of these. */
function isEditable(name: string): boolean {
  return !name.startsWith(':') && !isAuthority(name);
}
