/**
 * The control plane as a member of a cluster: what it keeps there, what it answers, and what it publishes. The API server is
 * the only store that its replicas share. Each of them reads all of it; the leader alone writes, but for the first root, which
 * whoever is first makes. Everything that is published is written by server-side apply, under a field manager of its own, and
 * only where what is there differs: whoever applies the manifests again takes nothing away, and sees no drift.
 */
export { AUTHORITY_SECRET, authoritySecret, PLUGGED_SECRET } from './authority-secret';
export { type CheckResult, type CheckState, checkCluster } from './check';
export { type PodCertificateAnswers, PodCertificates } from './pod-certificates';
export { ownerOf, type Publication, type PublicationOptions, publish } from './publication';
export { rootConfigMaps, trustBundle, webhookTrust } from './published';
export { namespacesOf, type Revisions, revisionsOf } from './revisions';
export { removeTag, setTag, type TagWish, tagObstacle } from './tags';
export { clusterTokenReviews } from './token-reviews';
export { planUninstall, type Uninstallation, type UninstallOptions, uninstall } from './uninstall';
