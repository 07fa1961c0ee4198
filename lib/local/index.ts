/**
 * Local: a whole mesh on this machine, from the very manifests that a cluster gets. Objects become a plan (pure:
 * plan.ts, pod-plan.ts), the plan becomes processes.
 *
 * Transparent capture gives each pod network and mount namespaces of its own, with the redirection of the injector in
 * them, Envoy as uid 1337, and names of Services in /etc/hosts; a bridge in one more namespace joins the pods. Nothing has a name on
 * the machine, so meshes do not meet, and the kernel cleans up after every kind of end. Explicit capture needs no right
 * at all: loopback addresses, the sidecar on the pod's address, applications by HTTP_PROXY. A doorway process leads
 * from this machine's ports into either.
 *
 * Bounds: images are not run, `malha.dev/run` or an echo service stands in; Pods that appear in the files later are not
 * started; init containers, volumes, ConfigMaps and Secrets of applications are not provided; Jobs do not run; IPv4.
 */
export { type CaptureChoice, chooseCapture, type Machine } from './capture';
export { ENVOY_VERSION, type EnvoyBinary, type FindEnvoyOptions, findEnvoy } from './envoy-binary';
export { type RunningMesh, type UpOptions, up } from './mesh';
export { type GatewayPort, type MeshPlan, type PlanOptions, planMesh } from './plan';
export { type Capture, type PodPlan, type ProcessPlan, RUN_ANNOTATION } from './pod-plan';
export type { ExecResult } from './pods';
