/** discovery/kubernetes: the objects of a cluster, from its API server by list and watch. */
export { KubeApiError } from './api-error';
export { type ClientOptions, KubeClient } from './client';
export { ClusterWatch, type ClusterWatchOptions, type ResourceStatus } from './watch';
