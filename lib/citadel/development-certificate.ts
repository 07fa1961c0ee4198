/** The certificate of a gateway on a developer's machine, whose real Secret is not at hand. */
import { Authority, type Clock } from './authority';

export interface DevelopmentCertificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  /** What a client has to trust: `curl --cacert`. */
  readonly caPem: string;
}

/** Long enough for a mesh that is left running over a holiday, short enough that nobody depends on it. */
const LIFETIME_SECONDS = 30 * 86_400;

/**
 * Issues a certificate for `hosts` from an authority that is forgotten at once, so nothing else is ever signed by it.
 * @param hosts the hosts of a Gateway server, also `ns/host`; `*` stands for any host and becomes `localhost`, because no
 *   certificate can name it.
 */
export async function developmentCertificate(
  hosts: readonly string[],
  clock: Clock = () => new Date(),
): Promise<DevelopmentCertificate> {
  const names = hosts
    .map((host) => host.slice(host.indexOf('/') + 1))
    .map((host) => (host === '*' ? 'localhost' : host));
  const authority = await Authority.selfSigned({
    name: 'Malha development',
    clock,
    lifetimeSeconds: LIFETIME_SECONDS,
  });
  const leaf = await authority.issue({ hosts: names.length > 0 ? names : ['localhost'] }, LIFETIME_SECONDS);
  return { ...leaf, caPem: authority.certPem };
}
