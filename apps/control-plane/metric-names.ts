/**
 * Every metric of the control plane: names, labels and meaning. Where Istio has the metric, the name is Istio's.
 * docs/metrics.md is made from this file.
 */
export interface MetricName {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
}

export const METRICS = {
  connections: { name: 'pilot_xds', kind: 'gauge', help: 'Proxies that are connected.' },
  pushes: { name: 'pilot_xds_pushes', kind: 'counter', help: 'Responses sent to proxies, by type.', labels: ['type'] },
  pushTime: {
    name: 'pilot_xds_push_time',
    kind: 'histogram',
    help: 'Seconds that making and writing one response took, by type.',
    labels: ['type'],
  },
  pushBytes: {
    name: 'pilot_xds_config_size_bytes',
    kind: 'histogram',
    help: 'Size of responses, by type.',
    labels: ['type'],
  },
  triggers: {
    name: 'pilot_push_triggers',
    kind: 'counter',
    help: 'Configurations that came into force, by what changed most: config, service or endpoint.',
    labels: ['type'],
  },
  rejects: {
    name: 'pilot_total_xds_rejects',
    kind: 'counter',
    help: 'Responses that proxies rejected, by type.',
    labels: ['type'],
  },
  internalErrors: {
    name: 'pilot_total_xds_internal_errors',
    kind: 'counter',
    help: 'Objects and resources that could not be translated, counted when that began.',
  },
  registryEvents: {
    name: 'pilot_k8s_reg_events',
    kind: 'counter',
    help: 'Services, endpoints and other facts of the registry that were added, changed or deleted.',
    labels: ['type', 'event'],
  },
  configEvents: {
    name: 'pilot_k8s_cfg_events',
    kind: 'counter',
    help: 'Objects of the mesh API that were added, changed or deleted.',
    labels: ['type', 'event'],
  },
  convergence: {
    name: 'pilot_proxy_convergence_time',
    kind: 'histogram',
    help: 'Seconds from a change of configuration until a proxy has acknowledged all that follows from it.',
  },
  acknowledgement: {
    name: 'malha_xds_acknowledgement_seconds',
    kind: 'histogram',
    help: 'Seconds from a response until its ACK, by type.',
    labels: ['type'],
  },
  refused: {
    name: 'malha_xds_refused',
    kind: 'counter',
    help: 'Streams ended because of the client, by reason.',
    labels: ['reason'],
  },
  validated: {
    name: 'galley_validation_passed',
    kind: 'counter',
    help: 'New and changed objects of the mesh API without an error.',
    labels: ['group', 'version', 'resource'],
  },
  invalid: {
    name: 'galley_validation_failed',
    kind: 'counter',
    help: 'New and changed objects of the mesh API with an error, by its code.',
    labels: ['group', 'version', 'resource', 'reason'],
  },
  injected: {
    name: 'sidecar_injection_success_total',
    kind: 'counter',
    help: 'Pods that the webhook gave a sidecar.',
  },
  injectionFailed: {
    name: 'sidecar_injection_failure_total',
    kind: 'counter',
    help: 'Pods that the webhook could not give a sidecar.',
  },
  certificateRequests: {
    name: 'citadel_server_csr_count',
    kind: 'counter',
    help: 'Requests for certificates.',
  },
  certificatesIssued: {
    name: 'citadel_server_success_cert_issuance_count',
    kind: 'counter',
    help: 'Certificates that were signed.',
  },
  certificatesRefused: {
    name: 'citadel_server_csr_sign_err_count',
    kind: 'counter',
    help: 'Requests for certificates that were refused.',
    labels: ['error'],
  },
  generation: {
    name: 'malha_configuration_generation',
    kind: 'gauge',
    help: 'Counts the configurations that came into force.',
  },
  objects: { name: 'malha_configuration_objects', kind: 'gauge', help: 'Objects in force.' },
  isStale: {
    name: 'malha_configuration_stale',
    kind: 'gauge',
    help: '1 while something newer has errors and is not in force.',
  },
  findings: {
    name: 'malha_findings',
    kind: 'gauge',
    help: 'What was found in the newest objects, by level.',
    labels: ['level'],
  },
  calls: { name: 'malha_observed_calls', kind: 'gauge', help: 'Different calls that are counted.' },
  callsDropped: {
    name: 'malha_observed_calls_dropped',
    kind: 'gauge',
    help: 'Different calls that gave way for want of room.',
  },
  logEntries: {
    name: 'malha_access_log_entries',
    kind: 'counter',
    help: 'Entries of access logs that proxies have sent.',
  },
  logEntriesLost: {
    name: 'malha_access_log_entries_lost',
    kind: 'counter',
    help: 'Entries of access logs that came faster than they could be counted, and were let go.',
  },
  rateLimitDecisions: {
    name: 'malha_rate_limit_decisions',
    kind: 'counter',
    help: 'Questions of proxies whether a request may pass a global limit, by how they ended: allowed, limited, unknown, unavailable or refused.',
    labels: ['outcome'],
  },
  rateLimitStoreAvailable: {
    name: 'malha_rate_limit_store_available',
    kind: 'gauge',
    help: '1 while global limits can be counted; 0 while Redis is away, and proxies do what onUnavailable says.',
  },
  rateLimitKeys: {
    name: 'malha_rate_limit_keys',
    kind: 'gauge',
    help: 'Keys of global limits that are counted in memory.',
  },
  rateLimitKeysDropped: {
    name: 'malha_rate_limit_keys_dropped',
    kind: 'gauge',
    help: 'Keys of global limits that gave way for want of room in memory, and began anew.',
  },
  imagePulls: {
    name: 'malha_image_pulls',
    kind: 'counter',
    help: 'Images of WebAssembly modules that were asked for, by how it ended: pulled, unchanged, failed, or withheld because the image is not what it has to be.',
    labels: ['outcome'],
  },
  imagePullBytes: {
    name: 'malha_image_pull_bytes',
    kind: 'counter',
    help: 'Bytes of layers that were read from registries.',
  },
  build: { name: 'istio_build', kind: 'gauge', help: 'The version, as a label.', labels: ['component', 'tag'] },
  rootExpiryTimestamp: {
    name: 'citadel_server_root_cert_expiry_timestamp',
    kind: 'gauge',
    help: 'When the root that signs now ends, in seconds since the epoch.',
  },
  rootExpiry: {
    name: 'citadel_server_root_cert_expiry_seconds',
    kind: 'gauge',
    help: 'Seconds until the root that signs now ends.',
  },
  chainExpiryTimestamp: {
    name: 'citadel_server_cert_chain_expiry_timestamp',
    kind: 'gauge',
    help: 'When the intermediate that signs now ends, in seconds since the epoch.',
  },
  chainExpiry: {
    name: 'citadel_server_cert_chain_expiry_seconds',
    kind: 'gauge',
    help: 'Seconds until the intermediate that signs now ends.',
  },
  certificateOverdue: {
    name: 'citadel_certificate_overdue',
    kind: 'gauge',
    help: '1 when a certificate has passed two thirds of its life without being renewed, which happens at its half: alarm.',
    labels: ['level'],
  },
  authenticationFailures: {
    name: 'citadel_server_authentication_failure_count',
    kind: 'counter',
    help: 'Requests for certificates whose caller had no valid credential.',
  },
  podCertificates: {
    name: 'citadel_pod_certificate_requests',
    kind: 'counter',
    help: 'PodCertificateRequests decided, by condition and reason.',
    labels: ['type', 'reason'],
  },
  rotations: {
    name: 'citadel_rotation_transitions',
    kind: 'counter',
    help: 'Steps of rotations, by kind.',
    labels: ['kind'],
  },
  rotationErrors: {
    name: 'citadel_rotation_errors',
    kind: 'counter',
    help: 'Times that the authority could not be looked after: what it keeps cannot be read or written.',
  },
} as const satisfies Record<string, MetricName>;
