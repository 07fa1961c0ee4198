/** Every metric of the control plane: names, labels and meaning. Where Istio has the metric, the name is Istio's. */
export const METRICS = {
  connections: { name: 'pilot_xds', help: 'Proxies that are connected.' },
  pushes: { name: 'pilot_xds_pushes', help: 'Responses sent to proxies, by type.', labels: ['type'] },
  pushBytes: { name: 'pilot_xds_config_size_bytes', help: 'Size of responses, by type.', labels: ['type'] },
  rejects: { name: 'pilot_total_xds_rejects', help: 'Responses that proxies rejected, by type.', labels: ['type'] },
  convergence: {
    name: 'pilot_proxy_convergence_time',
    help: 'Seconds from a change of configuration until a proxy has acknowledged all that follows from it.',
  },
  acknowledgement: {
    name: 'malha_xds_acknowledgement_seconds',
    help: 'Seconds from a response until its ACK, by type.',
    labels: ['type'],
  },
  refused: { name: 'malha_xds_refused', help: 'Streams ended because of the client, by reason.', labels: ['reason'] },
  generation: { name: 'malha_configuration_generation', help: 'Counts the configurations that came into force.' },
  objects: { name: 'malha_configuration_objects', help: 'Objects in force.' },
  isStale: {
    name: 'malha_configuration_stale',
    help: '1 while something newer has errors and is not in force.',
  },
  findings: { name: 'malha_findings', help: 'What was found in the newest objects, by level.', labels: ['level'] },
  calls: { name: 'malha_observed_calls', help: 'Different calls that are counted.' },
  callsDropped: { name: 'malha_observed_calls_dropped', help: 'Different calls that gave way for want of room.' },
  logEntries: { name: 'malha_access_log_entries', help: 'Entries of access logs that proxies have sent.' },
  build: { name: 'istio_build', help: 'The version, as a label.', labels: ['component', 'tag'] },
} as const;
