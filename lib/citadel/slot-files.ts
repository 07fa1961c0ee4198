/** The slots of an authority as files, the way they are kept; and the files that operators plug in. Pure. */
import { createHash, X509Certificate } from 'node:crypto';
import { makeAuthorityCertificate } from './authority-certificate';
import { blocks, pem } from './der';
import { Issuer } from './issuer';
import { BACKDATE_SECONDS } from './renewal';
import type { Slot } from './rotation';
import { LocalKey } from './signing-key';
import type { Kept } from './storage';

/** A slot that can sign. */
export interface SigningSlot extends Slot {
  readonly issuer: Issuer;
  /** Each in PEM: what goes behind each leaf, up to and without the root. Empty where the root signs. */
  readonly above: readonly string[];
  readonly rootPem: string;
}

type Files = Kept['files'];
/** Texts of a slot by the end of their names. */
type SlotFiles = Readonly<Record<'ca-cert.pem' | 'ca-key.pem' | 'cert-chain.pem' | 'root-cert.pem', string>>;

const STATE = 'rotation.json';
/** The state of both, while an operator's goes before our own. */
const RECORD = 'plugged.json';
const NEEDED = ['ca-cert.pem', 'ca-key.pem', 'root-cert.pem'] as const;

/** Whether these files were plugged in by an operator rather than made here. */
export const isPluggedIn = (files: Files): boolean => !(STATE in files) && NEEDED.some((name) => name in files);

/** All slots of an authority that was made here. @throws Error when a file is missing or wrong; the message names it. */
export function slotsOf(files: Files): SigningSlot[] {
  const text = files[STATE];
  if (text === undefined) throw new Error(`there is no ${STATE} among what is kept for the authority`);
  const { slots } = JSON.parse(text) as { slots: Slot[] };
  return slots.map((slot) => signingSlot(filesOf(files, `${slot.id}.`), slot));
}

/** The slot of `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem` and `root-cert.pem`, the names that Istio's `cacerts` has. */
export function pluggedSlot(files: Files, now: number): SigningSlot {
  const texts = filesOf(files, '');
  return signingSlot(texts, { id: fingerprint(texts['ca-cert.pem']), phase: 'active', since: now }, 0);
}

/** The roots of `root-cert.pem`, each in PEM: an operator adds a new one before the switch. */
export function pluggedRoots(files: Files): string[] {
  return blocks('CERTIFICATE', files['root-cert.pem'] ?? '').map((der) => pem('CERTIFICATE', der));
}

/**
 * How far a plugged-in authority had come beside our own: the slots of both, as they were recorded; without a record, ours as they
 * were before it was there. What is neither has no key here any more.
 */
export function recordedSlots(own: Files, plugged: SigningSlot): SigningSlot[] {
  const ours = slotsOf(own);
  const text = own[RECORD];
  const { slots } = text === undefined ? { slots: ours } : (JSON.parse(text) as { slots: Slot[] });
  if (!slots.some(({ id }) => id === plugged.id)) return ours;
  return slots.flatMap(({ id, phase, since }) => {
    const known = [plugged, ...ours].find((slot) => slot.id === id);
    return known ? [{ ...known, phase, since }] : [];
  });
}

/** Our own files with such a record; undefined where they say so already. No slots: without one. */
export function withRecord(own: Files, slots: readonly Slot[]): Files | undefined {
  const { [RECORD]: before, ...rest } = own;
  const text = slots.length > 0 ? `${JSON.stringify({ slots: slots.map(stateOf) }, null, 2)}\n` : undefined;
  if (text === before) return undefined;
  return text === undefined ? rest : { ...rest, [RECORD]: text };
}

/** Files without those of slots that are gone, and with the phases as they are. */
export function withSlots(files: Files, slots: readonly Slot[]): Record<string, string> {
  const kept = Object.entries(files).filter(([name]) => slots.some(({ id }) => name.startsWith(`${id}.`)));
  return { ...Object.fromEntries(kept), [STATE]: `${JSON.stringify({ slots: slots.map(stateOf) }, null, 2)}\n` };
}

/** Only what the machine knows; no key is ever part of it. */
function stateOf({ id, phase, since, root, notBefore, notAfter, rootNotBefore, rootNotAfter }: Slot): Slot {
  return { id, phase, since, root, notBefore, notAfter, rootNotBefore, rootNotAfter };
}

export interface MakeSlotOptions {
  readonly id: string;
  readonly phase: 'prepared' | 'active';
  readonly now: Date;
  readonly trustDomain: string;
  readonly rootSeconds: number;
  readonly intermediateSeconds: number;
  /** The slot whose root goes on; undefined: a new root. */
  readonly below?: { readonly files: Files; readonly id: string };
}

/** Makes the files of a new slot, and the slot. */
export async function makeSlot(options: MakeSlotOptions): Promise<{ files: Files; slot: SigningSlot }> {
  const { id, phase, now, trustDomain, below } = options;
  const root = below
    ? { certPem: below.files[`${below.id}.root-cert.pem`]!, keyPem: below.files[`${below.id}.root-key.pem`]! }
    : await makeAuthorityCertificate({
        name: `Malha root of ${trustDomain}`,
        now,
        lifetimeSeconds: options.rootSeconds,
        pathLength: 1,
      });
  const intermediate = await makeAuthorityCertificate({
    name: `Malha authority ${id} of ${trustDomain}`,
    now,
    lifetimeSeconds: options.intermediateSeconds,
    parent: root,
  });
  const files = {
    [`${id}.ca-cert.pem`]: intermediate.certPem,
    [`${id}.ca-key.pem`]: intermediate.keyPem,
    [`${id}.cert-chain.pem`]: intermediate.certPem,
    [`${id}.root-cert.pem`]: root.certPem,
    [`${id}.root-key.pem`]: root.keyPem,
  };
  return { files, slot: signingSlot(filesOf(files, `${id}.`), { id, phase, since: now.getTime() }) };
}

function filesOf(files: Files, prefix: string): SlotFiles {
  const missing = NEEDED.filter((name) => !files[prefix + name]);
  if (missing.length > 0) {
    throw new Error(`what is kept for the authority lacks ${missing.map((name) => prefix + name).join(', ')}`);
  }
  const of = (name: string) => files[prefix + name] ?? '';
  return {
    'ca-cert.pem': of('ca-cert.pem'),
    'ca-key.pem': of('ca-key.pem'),
    'cert-chain.pem': of('cert-chain.pem'),
    'root-cert.pem': of('root-cert.pem'),
  };
}

/** @param backdated how far before they were made the certificates begin, in milliseconds. */
function signingSlot(
  files: SlotFiles,
  { id, phase, since }: Pick<Slot, 'id' | 'phase' | 'since'>,
  backdated = BACKDATE_SECONDS * 1000,
): SigningSlot {
  const [authority] = blocks('CERTIFICATE', files['ca-cert.pem']);
  const roots = blocks('CERTIFICATE', files['root-cert.pem']);
  if (!authority || roots.length === 0) throw new Error('ca-cert.pem and root-cert.pem must hold certificates in PEM');
  const issuer = new Issuer(authority, new LocalKey(files['ca-key.pem']));
  const chain = [authority, ...blocks('CERTIFICATE', files['cert-chain.pem'])];
  const root = rootOf(chain, roots);
  const above = unique(chain).filter((der) => !der.equals(root.raw));
  return {
    id,
    phase,
    since,
    root: root.fingerprint256,
    notBefore: issuer.notBefore.getTime() + backdated,
    notAfter: issuer.notAfter.getTime(),
    rootNotBefore: Date.parse(root.validFrom) + backdated,
    rootNotAfter: Date.parse(root.validTo),
    issuer,
    above: above.map((der) => pem('CERTIFICATE', der)),
    rootPem: pem('CERTIFICATE', root.raw),
  };
}

/** The root that the authority's certificate leads to. A chain that leads nowhere would sign what nobody can verify. */
function rootOf(chain: readonly Buffer[], roots: readonly Buffer[]): X509Certificate {
  const all = chain.map((der) => new X509Certificate(der));
  const anchors = roots.map((der) => new X509Certificate(der));
  let current = all[0]!;
  for (const _ of chain) {
    const anchor = anchors.find((each) => each.raw.equals(current.raw) || isIssuedBy(current, each));
    if (anchor) return anchor;
    const issuer = all.find((each) => each !== current && isIssuedBy(current, each));
    if (!issuer) break;
    current = issuer;
  }
  throw new Error(
    `no root of root-cert.pem has signed the certificate of ${all[0]!.subject}, nor has cert-chain.pem one between`,
  );
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate) =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

const unique = (all: readonly Buffer[]) => all.filter((der, at) => all.findIndex((each) => each.equals(der)) === at);

function fingerprint(certPem: string): string {
  return createHash('sha256').update(certPem).digest('hex').slice(0, 16);
}
