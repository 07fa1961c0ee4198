/** PodCertificateRequest and ClusterTrustBundle of certificates.k8s.io/v1, cut down to the fields that a signer reads and writes. */
import type { KubeObject } from '../api/object';

/** For whom Citadel signs: the `signerName` of podCertificate volumes and trust bundles. */
export const WORKLOAD_SIGNER = 'malha.dev/workload';

export interface PodCertificateRequest extends KubeObject<PodCertificateRequestSpec> {
  status?: PodCertificateStatus;
}

/** The API server has checked that the kubelet of the Pod's node asks, and the signature of the PKCS #10 request. */
export interface PodCertificateRequestSpec {
  signerName: string;
  podName: string;
  podUID: string;
  serviceAccountName: string;
  serviceAccountUID: string;
  nodeName: string;
  nodeUID: string;
  /** Default 86,400; from 3,600 to 7,862,400. */
  maxExpirationSeconds?: number;
  /** An empty PKCS #10 request in DER, in base64: only its key matters. */
  stubPKCS10Request: string;
  unverifiedUserAnnotations?: Record<string, string>;
}

export interface PodCertificateCondition {
  type: 'Issued' | 'Denied' | 'Failed';
  status: 'True';
  reason: string;
  message: string;
  /** RFC 3339. */
  lastTransitionTime: string;
}

/** What the signer writes to the subresource `status`, once and for all. */
export interface PodCertificateStatus {
  conditions: PodCertificateCondition[];
  /** PEM: the leaf, then its intermediates. */
  certificateChain?: string;
  /** RFC 3339, whole seconds; so are the next two. */
  notBefore?: string;
  /** When the kubelet should ask again. */
  beginRefreshAt?: string;
  notAfter?: string;
}

/** Cluster-scoped; the name begins with the signer's, with `:` for `/`. */
export interface ClusterTrustBundle extends KubeObject<{ signerName: string; trustBundle: string }> {
  apiVersion: 'certificates.k8s.io/v1';
  kind: 'ClusterTrustBundle';
}

/** Decides about requests. */
export interface PodCertificateSigner {
  /**
   * The status to write to `request`; undefined when it is not for this signer, or has been decided already.
   * @throws Error when there is no decision now (an external authority does not answer); ask again later.
   */
  decide(request: PodCertificateRequest): Promise<PodCertificateStatus | undefined>;
}
