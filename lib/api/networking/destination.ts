/** Where a route sends traffic to. Shared by the HTTP, TLS and TCP routes of a VirtualService and by Sidecar. */
import { double, int32, message, type Static, text, uint32 } from '../schema';

export const PortSelector = message(
  { number: uint32('The port number of the service.') },
  { description: 'Picks one port of a service.' },
);
export type PortSelector = Static<typeof PortSelector>;

export const Destination = message(
  {
    host: text(
      'The name of a service in the registry. A short name such as `reviews` means the service of that name in the namespace of the object.',
    ),
    subset: text('A subset of the service, as a DestinationRule defines it.'),
    port: PortSelector,
  },
  {
    description:
      'A service, optionally cut down to one of its subsets. The port may be left out when the service has only one.',
    required: ['host'],
  },
);
export type Destination = Static<typeof Destination>;

export const RouteDestination = message(
  {
    destination: Destination,
    weight: int32(
      'The share of the connections, relative to the other destinations of the route. 0 means none, unless it is the only destination.',
    ),
  },
  { description: 'One destination of a TCP or TLS route.', required: ['destination'] },
);
export type RouteDestination = Static<typeof RouteDestination>;

export const Percent = message(
  { value: double('A percentage from 0 to 100.') },
  { description: 'A share of requests, in percent.' },
);
export type Percent = Static<typeof Percent>;
