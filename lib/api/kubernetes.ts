/** The Kubernetes objects that Malha reads, cut down to the fields that it reads (API reference of Kubernetes 1.37). */
import type { KubeObject, ObjectMeta } from './object';

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  protocol?: 'TCP' | 'UDP' | 'SCTP';
  appProtocol?: string;
  nodePort?: number;
}

export interface ServiceSpec {
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  clusterIP?: string;
  clusterIPs?: string[];
  externalName?: string;
  externalIPs?: string[];
  selector?: Record<string, string>;
  ports?: ServicePort[];
  publishNotReadyAddresses?: boolean;
  /** `Local`: only endpoints on the client's Node. */
  internalTrafficPolicy?: 'Cluster' | 'Local';
  /** `PreferClose`, `PreferSameZone`, `PreferSameNode`. */
  trafficDistribution?: string;
}

export type Service = KubeObject<ServiceSpec>;

export interface ContainerPort {
  name?: string;
  containerPort: number;
  protocol?: string;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: { fieldRef?: { fieldPath: string }; [source: string]: unknown };
}

export interface Container {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  env?: EnvVar[];
  ports?: ContainerPort[];
  /** `Always` on an init container makes it a native sidecar (Kubernetes 1.29). */
  restartPolicy?: 'Always';
  [field: string]: unknown;
}

export interface PodSpec {
  serviceAccountName?: string;
  containers: Container[];
  initContainers?: Container[];
  volumes?: { name: string; [source: string]: unknown }[];
  hostNetwork?: boolean;
  nodeName?: string;
  securityContext?: Record<string, unknown>;
  restartPolicy?: string;
  [field: string]: unknown;
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec: PodSpec;
}

export interface PodStatus {
  phase?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  conditions?: { type: string; status: string }[];
}

export type Pod = KubeObject<PodSpec> & { status?: PodStatus };

/** Deployment, StatefulSet, DaemonSet, ReplicaSet: what makes Pods from a template. */
export type WorkloadController = KubeObject<{
  replicas?: number;
  selector?: { matchLabels?: Record<string, string> };
  serviceName?: string;
  template: PodTemplate;
}>;

export interface EndpointConditions {
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
}

export interface SliceEndpoint {
  addresses: string[];
  conditions?: EndpointConditions;
  hostname?: string;
  nodeName?: string;
  zone?: string;
  targetRef?: { kind?: string; name?: string; namespace?: string };
}

/** discovery.k8s.io/v1. Belongs to the Service named by the label `kubernetes.io/service-name`. */
export type EndpointSlice = KubeObject & {
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  endpoints?: SliceEndpoint[];
  ports?: { name?: string; port?: number; protocol?: string; appProtocol?: string }[];
};

/** A machine that runs Pods; its labels say where it is. */
export type KubeNode = KubeObject;

/** `data` is base64. */
export type Secret = KubeObject & { type?: string; data?: Record<string, string>; stringData?: Record<string, string> };

export type ConfigMap = KubeObject & { data?: Record<string, string> };

export interface IngressBackend {
  /** Absent: some other resource, which nobody here knows. */
  service?: { name: string; port?: { name?: string; number?: number } };
}

export interface IngressPath {
  path?: string;
  pathType?: string;
  backend: IngressBackend;
}

/** networking.k8s.io/v1. */
export type Ingress = KubeObject<{
  ingressClassName?: string;
  defaultBackend?: IngressBackend;
  tls?: { hosts?: string[]; secretName?: string }[];
  rules?: { host?: string; http?: { paths?: IngressPath[] } }[];
}>;

/** networking.k8s.io/v1. Says which controller serves the Ingresses of a class. */
export type IngressClass = KubeObject<{ controller?: string }>;
