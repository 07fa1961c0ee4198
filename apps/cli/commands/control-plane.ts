/** `malha control-plane` */
import type { JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import pino from 'pino';
import { fileStorage } from '../../../lib/citadel/file-storage';
import { jwksTokenReviewer } from '../../../lib/citadel/jwks-token-reviewer';
import type { GatewayWorkloadOptions } from '../../../lib/injector';
import { startControlPlane } from '../../control-plane';
import { TOKEN_AUDIENCE } from '../../control-plane/citadel';
import type { ConsulRegistryOptions } from '../../control-plane/consul-registry';
import type { MembershipOptions } from '../../control-plane/membership';
import type { RateLimitRedis } from '../../control-plane/rate-limits';
import type { RegistryOptions } from '../../control-plane/registry';
import type { WebhooksOptions } from '../../control-plane/webhooks';
import { loadPlugins } from '../../plugins';
import type { Context } from '../io';
import { logLevelOption } from '../log-level';
import { meshConfigOption, podRangeOption, readMeshConfig, serviceRangeOption } from '../mesh-files';
import { pluginOption } from '../plugin-option';

interface Options {
  registry: 'files' | 'kubernetes';
  files?: string[];
  kubeconfig?: string;
  context?: string;
  rootNamespace?: string;
  consul?: string;
  consulTokenFile?: string;
  consulCa?: string;
  consulDatacenter?: string[];
  insecureRegistry?: string[];
  consulNamespace?: string;
  consulConsistency?: 'default' | 'stale' | 'consistent';
  xds: string;
  xdsTls?: string;
  citadel?: string;
  citadelSecret?: boolean;
  identity: 'podCertificate' | 'sds';
  revision?: string;
  webhooks: string;
  standby?: boolean;
  capture: 'transparent' | 'explicit';
  assignedUsers?: boolean;
  proxyImage?: string;
  initImage?: string;
  vault?: string;
  vaultTokenFile?: string;
  vaultCa?: string;
  certificateLifetime?: number;
  tokenKeys?: string;
  tokenIssuer?: string;
  write?: boolean;
  deployGateways?: boolean;
  rateLimitRedis?: string;
  rateLimitRedisPasswordFile?: string;
  rateLimitRedisCa?: string;
  plugin?: string[];
  insecure?: boolean;
  traces?: string;
  http: string;
  meshConfig?: string;
  podRange: string;
  serviceRange: string;
  localPods?: boolean;
  logLevel: string;
}

export function controlPlane({ io }: Context): Command {
  return new Command('control-plane')
    .addOption(
      new Option('--registry <kind>', 'where objects and endpoints come from')
        .choices(['files', 'kubernetes'])
        .default('files'),
    )
    .option('--files <path>', 'a file or folder that is watched; may be given again (registry files)', collect)
    .option('--kubeconfig <file>', 'how to reach the API server; default: as a Pod of it, else as kubectl does')
    .option('--context <name>', 'a context of the kubeconfig; default: its current one')
    .option('--root-namespace <name>', 'where ConfigMap istio is; default: the Pod’s own, else malha-system')
    .option('--consul <url>', 'services of Consul beside those objects: http(s)://HOST:PORT of an agent')
    .option('--consul-token-file <file>', 'where Consul’s ACL token is; it may read services and nodes')
    .option('--consul-ca <file>', 'whom to trust for Consul’s TLS, in PEM; default: the system’s authorities')
    .option('--consul-datacenter <name>', 'a datacenter; may be given again; default: the agent’s own', collect)
    .option('--consul-namespace <name>', 'the namespace that Consul’s services are in; default: consul')
    .addOption(
      new Option('--consul-consistency <mode>', 'which of Consul’s servers may answer').choices([
        'default',
        'stale',
        'consistent',
      ]),
    )
    .option(
      '--xds <host:port>',
      'where proxies connect in plaintext and are believed; `none`: nowhere',
      '127.0.0.1:15010',
    )
    .option('--xds-tls <host:port>', 'where proxies connect by TLS and prove who they are; needs an authority')
    .option('--citadel <folder>', 'where the mesh’s certificate authority is kept; made there when it is empty')
    .option('--citadel-secret', 'the authority is kept in the cluster: Secret malha-ca-secret, or yours named cacerts')
    .addOption(
      new Option('--identity <kind>', 'how Pods that the webhook injects prove who they are; docs/identity.md tells')
        .choices(['podCertificate', 'sds'])
        .default('podCertificate'),
    )
    .option(
      '--webhooks <host:port>',
      'where the API server asks about Pods and objects, by TLS; `none`: nowhere',
      'none',
    )
    .option('--revision <name>', 'which control plane of its namespace this is; default: default')
    .addOption(
      new Option('--capture <way>', 'how traffic gets into the sidecars of those Pods, unless they say otherwise')
        .choices(['transparent', 'explicit'])
        .default('transparent'),
    )
    .option(
      '--standby',
      'Pods that the webhook injects ask the Service malha-standby of this namespace while nobody else answers',
    )
    .option(
      '--assigned-users',
      'the platform gives Pods their users (OpenShift): proxies name one only to be redirected around',
    )
    .option('--proxy-image <image>', 'the Envoy of Pods that the webhook injects; default: as tested with this version')
    .option('--init-image <image>', 'the image that redirects in those Pods; default: that of this version')
    .option('--vault <url>', 'Vault’s PKI signs in place of --citadel: https://HOST:PORT/MOUNT/ROLE')
    .option('--vault-token-file <file>', 'where the token for Vault is, read anew for each request')
    .option('--vault-ca <file>', 'whom to trust for Vault’s TLS, in PEM; default: the system’s authorities')
    .option('--certificate-lifetime <seconds>', 'how long workloads’ certificates are good; default: a day', seconds)
    .option('--token-keys <file>', 'a JSON Web Key Set: service-account tokens signed by it are accepted by TLS')
    .option('--token-issuer <url>', 'who has signed those tokens', 'https://kubernetes.default.svc.cluster.local')
    .option('--write', 'write status conditions to the API server; default: with --citadel-secret')
    .option(
      '--deploy-gateways',
      'with --write: run what Gateways of the Gateway API need, each as a Deployment of its own',
    )
    .option(
      '--rate-limit-redis <url>',
      'where global rate limits are counted for all control planes: redis(s)://HOST:PORT',
    )
    .option('--rate-limit-redis-password-file <file>', 'where the password for that Redis is')
    .option('--rate-limit-redis-ca <file>', 'whom to trust for its TLS, in PEM; default: the system’s authorities')
    .addOption(
      pluginOption('a package whose rules judge and whose patches change what proxies get; may be given again'),
    )
    .option(
      '--insecure-registry <host:port>',
      'a registry of WebAssembly images that is asked without TLS, wherever it is; may be given again',
      collect,
    )
    .option('--insecure', 'show status and console to whoever reaches --http; else to this machine alone')
    .option(
      '--traces <url>',
      'where the console leads to for traces; {service} in it stands for NAME.NAMESPACE',
      webAddress,
    )
    .option('--http <host:port>', 'health, metrics, status and the console; port 0 takes any', '127.0.0.1:15014')
    .addOption(meshConfigOption())
    .addOption(podRangeOption())
    .addOption(serviceRangeOption())
    .option('--local-pods', 'Pods are as `malha up` runs them: injected, and with their secrets over --xds-tls')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
Reads objects, translates them, and serves every proxy what follows, again after each edit of a file. An object with
errors leaves its last good version in force. On the HTTP address: / (console), /healthz, /readyz, /metrics, /status, /graph,
/tap, /config?proxy=NAME, /sd/targets (for Prometheus).

With an authority (--citadel, --citadel-secret or --vault), proxies connect to --xds-tls by a certificate of the mesh or a service-account token, and get what belongs to
the workload that they have proven to be. --http shows its pages about the mesh to this machine alone then and now; by TLS they
are shown to whoever has a credential, of its own namespace.

With --citadel-secret it is one of the replicas of its cluster. They share the Secret; the one that holds the Lease malha-leader
rotates the authority, answers PodCertificateRequests of signer malha.dev/workload, publishes the roots (ClusterTrustBundle
malha.dev:workload:mesh; with --identity sds, ConfigMap malha-ca-root-cert of each namespace) and tells the API server to trust
the webhooks. --webhooks serves /inject and /validate.

Examples:
  $ malha control-plane --files manifests
  $ malha control-plane --files manifests --xds none --xds-tls 10.0.0.1:15012 --citadel ~/.malha/citadel
  $ malha control-plane --registry files --files manifests --xds 127.0.0.1:15010 --http 127.0.0.1:15014
  $ malha control-plane --registry kubernetes --context staging
  $ malha control-plane --registry kubernetes --xds none --xds-tls 0.0.0.0:15012 --citadel-secret --webhooks 0.0.0.0:15017
  $ malha control-plane --files manifests --consul http://127.0.0.1:8500

Exit codes: 0 stopped by SIGINT or SIGTERM, 2 it could not start.
`,
    )
    .action(async (options: Options) => {
      const interrupted = io.untilInterrupted();
      const meshConfig = await readMeshConfig(options.meshConfig);
      const log = pino({ level: options.logLevel, base: undefined }, { write: (line) => void io.stdout.write(line) });
      const stopping = new AbortController();
      void interrupted.then(() => stopping.abort());
      try {
        const running = await startControlPlane({
          registry: registryOf(options),
          consul: consulOf(options),
          xds: options.xds === 'none' ? undefined : options.xds,
          citadel: await citadelOf(options),
          write: options.write,
          gateways: gatewaysOf(options),
          rateLimitRedis: await rateLimitRedisOf(options),
          membership: membershipOf(options),
          standby: options.standby,
          webhooks: webhooksOf(options),
          plugins: loadPlugins(options.plugin ?? []),
          images: { insecure: options.insecureRegistry },
          insecure: options.insecure,
          traces: options.traces,
          http: options.http,
          meshConfig,
          log,
          signal: stopping.signal,
        });
        await interrupted;
        await running.stop();
      } catch (error) {
        // Stopped while it waited for its registry: that is no failure.
        if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
      }
    });
}

function registryOf(options: Options): RegistryOptions {
  const {
    registry,
    files = [],
    podRange,
    serviceRange,
    localPods,
    kubeconfig,
    context,
    rootNamespace,
    revision,
  } = options;
  if (registry === 'kubernetes') {
    if (files.length > 0) throw new Error('--files belongs to --registry files; leave one of the two out');
    return { kind: 'kubernetes', kubeconfig, context, rootNamespace, revision };
  }
  if (files.length === 0) throw new Error('--files is missing; name a file or folder that holds the mesh’s objects');
  return { kind: 'files', files, ranges: { pods: podRange, services: serviceRange }, localPods };
}

function gatewaysOf(options: Options): GatewayWorkloadOptions | undefined {
  const { write, deployGateways, citadelSecret, identity, proxyImage, assignedUsers } = options;
  if (!deployGateways) return undefined;
  if (!write && !citadelSecret) throw new Error('--deploy-gateways writes to the API server: add --write');
  return { identity: citadelSecret ? identity : 'none', assignedUsers, images: { proxy: proxyImage } };
}

function consulOf(options: Options): ConsulRegistryOptions | undefined {
  const { consul, consulTokenFile, consulCa, consulDatacenter, consulNamespace, consulConsistency } = options;
  if (!consul) {
    if (consulTokenFile ?? consulCa ?? consulDatacenter ?? consulNamespace ?? consulConsistency) {
      throw new Error('--consul is missing; give the URL of an agent, or leave the other --consul options out');
    }
    return undefined;
  }
  return {
    address: consul,
    tokenFile: consulTokenFile,
    caFile: consulCa,
    datacenters: consulDatacenter,
    namespace: consulNamespace,
    consistency: consulConsistency,
  };
}

async function citadelOf({
  citadel: folder,
  citadelSecret,
  xdsTls: address,
  vault,
  certificateLifetime: leafSeconds,
  tokenKeys,
  tokenIssuer = '',
  ...options
}: Options) {
  const authorities = [folder && '--citadel', citadelSecret && '--citadel-secret', vault && '--vault'].filter(Boolean);
  if (authorities.length > 0 !== (address !== undefined)) {
    throw new Error('--xds-tls and an authority (--citadel, --citadel-secret or --vault) belong together');
  }
  if (authorities.length > 1) throw new Error(`${authorities.join(' and ')} are both given; only one can sign`);
  if (!address) return undefined;
  const reviewer = tokenKeys ? await tokenReviewer(tokenKeys, tokenIssuer) : undefined;
  if (vault) return { vault: await vaultOf(vault, options), address, reviewer, leafSeconds };
  return { storage: folder === undefined ? undefined : fileStorage(resolve(folder)), address, reviewer, leafSeconds };
}

function membershipOf({ registry, citadelSecret, identity, revision }: Options): MembershipOptions | undefined {
  if (!citadelSecret) return undefined;
  if (registry !== 'kubernetes') throw new Error('--citadel-secret is kept in a cluster: add --registry kubernetes');
  return { keepsAuthority: true, identity, revision };
}

function webhooksOf({
  webhooks: address,
  xdsTls,
  identity,
  certificateLifetime: certificateSeconds,
  proxyImage,
  initImage,
  capture,
  assignedUsers,
}: Options): WebhooksOptions | undefined {
  if (address === 'none') return undefined;
  if (!xdsTls) throw new Error('--webhooks needs --xds-tls and an authority, which signs its certificate');
  const injection = {
    identity,
    capture,
    certificateSeconds,
    assignedUsers,
    images: { proxy: proxyImage, init: initImage },
  };
  return { address, injection };
}

/** The last part of the path is the role, what stands before it the mount. */
async function vaultOf(url: string, { vaultTokenFile, vaultCa }: Pick<Options, 'vaultTokenFile' | 'vaultCa'>) {
  const [, address, mount, role] = /^(https:\/\/[^/]+)\/(.+)\/([^/]+)$/.exec(url) ?? [];
  if (!address || !mount || !role) throw new Error(`'${url}' is no Vault; write https://HOST:PORT/MOUNT/ROLE`);
  if (!vaultTokenFile) throw new Error('--vault needs --vault-token-file');
  const token = async () => (await readFile(vaultTokenFile, 'utf8')).trim();
  return { address, mount, role, token, caPem: vaultCa && (await readFile(vaultCa, 'utf8')) };
}

/** The password has no place in the URL, which every process of the machine can read. */
async function rateLimitRedisOf(options: Options): Promise<RateLimitRedis | undefined> {
  const { rateLimitRedis: url, rateLimitRedisPasswordFile: passwordFile, rateLimitRedisCa: caFile } = options;
  if (!url) {
    if (passwordFile ?? caFile) {
      throw new Error('--rate-limit-redis is missing; give its URL, or leave the other --rate-limit-redis options out');
    }
    return undefined;
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || !parsed.hostname) {
    throw new Error('--rate-limit-redis is no URL of a Redis; write redis://HOST:PORT or rediss://HOST:PORT');
  }
  if (parsed.password) {
    throw new Error('--rate-limit-redis holds a password; write it to a file for --rate-limit-redis-password-file');
  }
  const read = async (file: string | undefined) => file && (await readFile(file, 'utf8')).trim();
  return { url, password: await read(passwordFile), caPem: await read(caFile) };
}

async function tokenReviewer(file: string, issuer: string) {
  const { keys } = JSON.parse(await readFile(file, 'utf8')) as { keys?: JsonWebKey[] };
  if (!Array.isArray(keys)) throw new Error(`${file} is no JSON Web Key Set: it has no list 'keys'`);
  return jwksTokenReviewer({ keys, issuer, audience: TOKEN_AUDIENCE });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 3_600 || value > 86_400) {
    throw new InvalidArgumentError('whole seconds are wanted, 3600 to 86400');
  }
  return value;
}

function webAddress(text: string): string {
  if (!/^https?:\/\//.test(text))
    throw new InvalidArgumentError('an address is wanted, such as http://localhost:16686');
  return text;
}

function collect(path: string, before: string[] = []): string[] {
  return [...before, path];
}
