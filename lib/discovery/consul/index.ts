/** Services of Consul, by its HTTP API, as ServiceEntries. docs/consul.md tells the rules. */
export { type Consul, type ConsulAnswer, ConsulClient, type ConsulOptions, type ConsulQuery } from './client';
export { unite } from './precedence';
export { type ConsulStatus, ConsulWatch, type ConsulWatchOptions } from './watch';
