/** discovery/kubernetes: the objects of a cluster, from its API server by list and watch; and who of several replicas leads. */
export { KubeApiError } from './api-error';
export { type ClientOptions, KubeClient } from './client';
export { type Leadership, LeaseLeadership, type LeaseOptions, soleReplica } from './leadership';
export { ClusterWatch, type ClusterWatchOptions, type ResourceStatus } from './watch';
