/** Destinations and their weights. */
import type { Destination } from '../../api/networking/destination';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkHost, isLabel } from './host';
import { checkPort } from './port';

export function checkDestination(destination: Destination | undefined, check: Check): void {
  if (!destination) {
    return;
  }
  if (destination.host === '*') {
    check.at('host').error('a destination is one service, got "*"');
  } else {
    checkHost(destination.host, check.at('host'));
  }
  if (destination.subset && !isLabel(destination.subset)) {
    check
      .at('subset')
      .error(`the name of a subset is made of letters, digits and dashes, got ${shown(destination.subset)}`);
  }
  if (destination.port) {
    checkPort(destination.port.number, check.at('port', 'number'));
  }
}

interface Weighted {
  weight?: number;
  destination?: Destination;
}

/** Weights are relative: any sum is allowed but nothing at all. */
export function checkRoute(route: readonly Weighted[], check: Check): void {
  check.each(route, (entry, at) => {
    checkDestination(entry.destination, at.at('destination'));
    if ((entry.weight ?? 0) < 0) {
      at.at('weight').error(`a weight is at least 0, got ${entry.weight}`);
    }
  });
  if (route.length > 1 && route.every((entry) => (entry.weight ?? 0) === 0)) {
    check.error(
      'the weights of all destinations are 0, so that none would be used',
      'give the destinations weights, such as 90 and 10',
    );
  }
}
