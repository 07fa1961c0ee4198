/** The rules of WorkloadEntry, which ServiceEntry's endpoints share. */
import { isIP } from 'node:net';
import type { WorkloadEntrySpec } from '../../api/networking/workload-entry';
import { shown } from '../schema-check';
import type { Check } from './check';
import { checkUnixSocket, problemOfName } from './host';
import { checkLabels } from './labels';
import { checkPort, checkPortName } from './port';

export function checkWorkloadEntry(spec: WorkloadEntrySpec, check: Check): void {
  const { address } = spec;
  if (!address) {
    checkNoAddress(spec, check);
  } else if (address.startsWith('unix://')) {
    checkUnixSocket(address, check.at('address'));
    if (Object.keys(spec.ports ?? {}).length > 0) {
      check.at('ports').error('a socket has no ports');
    }
  } else if (!isIP(address) && problemOfName(address)) {
    check.at('address').error(`expected an IP address, a DNS name or unix:///path, got ${shown(address)}`);
  }
  checkEndpointFields(spec, check);
}

export function checkNoAddress(spec: WorkloadEntrySpec, check: Check): void {
  if (spec.network) {
    check.at('address').warning('without an address the workload is reached through the gateway of its network only');
  } else {
    check.at('address').error('address is missing');
  }
}

/** What does not depend on how the address is resolved. */
export function checkEndpointFields(spec: WorkloadEntrySpec, check: Check): void {
  for (const [name, number] of Object.entries(spec.ports ?? {})) {
    checkPortName(name, check.at('ports', name));
    checkPort(number, check.at('ports', name));
  }
  checkLabels(spec.labels, check.at('labels'));
}
