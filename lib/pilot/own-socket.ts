/**
 * The socket of a listener that clients connect to themselves, in a sidecar whose other listeners have none, as
 * connections come to those by redirection.
 */
import type { envoy } from '../envoy/generated/envoy';

type Listener = envoy.config.listener.v3.Listener;

/** Linux's numbers; only there is traffic redirected. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

/**
 * Envoy hands the sockets of a listener on to the next one of that name and address, also where the first has none
 * (`bind_to_port: false`), and ends with a segmentation fault (seen on 1.40). Listeners whose socket options differ
 * do not share sockets, so the bound ones name an option, one that Envoy sets on every socket anyway.
 */
export function ownSocket(capture: 'REDIRECT' | 'NONE'): Pick<Listener, 'socket_options'> {
  if (capture !== 'REDIRECT') return {};
  return {
    socket_options: [
      { description: 'SO_REUSEADDR', level: SOL_SOCKET, name: SO_REUSEADDR, int_value: 1, state: 'STATE_PREBIND' },
    ],
  };
}
