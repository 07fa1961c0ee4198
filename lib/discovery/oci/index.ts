/**
 * discovery/oci: pulls the WebAssembly modules of images that WasmPlugins and TrafficExtensions name, and keeps them for the World.
 *
 * What has been pulled for an object stays until something else has been pulled for it, so a registry that is away takes nothing from
 * anybody. Each object asks for its own image with its own credentials; only the bytes of a layer that it may read are shared.
 *
 * Bounds: 256 images, 256 MB of modules, two pulls at once; a failure is tried again after 2 s, then up to 5 min; a tag
 * that is followed is looked up each minute.
 */
import type { MeshConfig } from '../../api';
import type { KubeObject } from '../../api/object';
import {
  extensionKey,
  type ImageModule,
  type ImageModules,
  type ImageTrust,
  imageTrust,
  parseReference,
  repositoryName,
} from '../../world';
import { ImageError } from './image-error';
import { type ImageWish, secretsOf, wishesOf } from './image-wish';
import { isTrusted, type Module, type Pulled, type PullRequest, pull } from './pull';
import type { RegistryOptions } from './registry-client';
import { credentialsFor, type RegistryCredentials } from './registry-credentials';

export type { RegistryOptions } from './registry-client';

const MAX_IMAGES = 256;
const MAX_BYTES = 256 * 1024 * 1024;
const AT_ONCE = 2;
const FOLLOW_MILLISECONDS = 60_000;
const FIRST_RETRY_MILLISECONDS = 2_000;
const LAST_RETRY_MILLISECONDS = 300_000;

export interface WasmImagesOptions {
  /** Default: asks the registry. */
  readonly pull?: (request: PullRequest) => Promise<Pulled>;
  readonly registry?: Omit<RegistryOptions, 'signal'>;
  /** There is more, or something else, than Worlds before had, or other trouble. */
  readonly onChange: () => void;
  /** @param object `Kind/namespace/name` */
  readonly onTrouble: (object: string, trouble: string) => void;
  /** A pull has ended. @param bytes of the layer that was read; 0 where it was known. */
  readonly onPull?: (outcome: 'pulled' | 'unchanged' | 'failed' | 'withheld', bytes: number) => void;
  /** Milliseconds; returns what cancels it. Default: the system's timer. */
  readonly after?: (milliseconds: number, run: () => void) => () => void;
}

interface Image {
  wish: ImageWish;
  /** All that a pull depends on. */
  key: string;
  trust: ImageTrust;
  credentials?: RegistryCredentials;
  pulled?: Pulled;
  module?: ImageModule;
  trouble?: string;
  failures: number;
  cancel?: () => void;
}

export class WasmImages {
  private readonly images = new Map<string, Image>();
  private readonly waiting = new Set<Image>();
  private readonly ending = new AbortController();
  private pulling = 0;
  private isOverflowing = false;
  private modules: ImageModules = new Map();

  constructor(private readonly options: WasmImagesOptions) {}

  /** Begins to pull what objects ask for now, and forgets what none asks for any more. */
  see(objects: readonly KubeObject[], config: MeshConfig = {}): void {
    if (this.ending.signal.aborted) return;
    const wishes = wishesOf(objects);
    const secrets = secretsOf(objects, wishes);
    const wanted = new Map(wishes.slice(0, MAX_IMAGES).map((wish) => [wish.object, wish]));
    for (const [object, image] of this.images) if (!wanted.has(object)) this.forget(object, image);
    const left = wishes[MAX_IMAGES];
    if (left && !this.isOverflowing) {
      this.options.onTrouble(left.object, `more than ${MAX_IMAGES} images are named; the others are not pulled`);
    }
    this.isOverflowing = left !== undefined;
    for (const wish of wanted.values()) {
      const secret = secrets.get(`${wish.namespace}/${wish.pullSecret}`);
      const trust = trustOf(wish, config);
      const key = JSON.stringify([wish, secret?.type, secret?.data, trust]);
      const known = this.images.get(wish.object);
      if (known?.key === key) continue;
      // What was pulled for the object before stays until there is something better.
      const image: Image = known ?? { wish, key, trust, failures: 0 };
      image.cancel?.();
      Object.assign(image, { wish, key, trust, failures: 0, credentials: undefined, trouble: undefined });
      // What is served has to have a signature that holds now.
      const { pulled } = image;
      if (pulled) {
        if (!isTrusted(pulled, imageTrust(pulled.name, config))) image.module = { kind: 'withheld' };
        else if (image.module?.kind !== 'delivered') image.module = { kind: 'delivered', ...pulled.module };
      }
      this.images.set(wish.object, image);
      try {
        image.credentials = credentialsOf(wish, secret);
        this.enqueue(image);
      } catch (error) {
        this.waiting.delete(image);
        this.note(image, (error as Error).message);
      }
    }
    this.modules = this.collect();
    this.pullNext();
  }

  /** The modules that there are, for the next World. */
  get current(): ImageModules {
    return this.modules;
  }

  /** Why proxies do not have the image that an object names; undefined when they may have it, or it names none. */
  troubleOf(object: KubeObject): string | undefined {
    const image = this.images.get(extensionKey(object));
    if (!image) return undefined;
    const { trouble, module } = image;
    if (trouble !== undefined) return `the newest module of its image is not delivered: ${trouble}`;
    return module?.kind === 'delivered' ? undefined : 'the module of its image is being pulled';
  }

  close(): void {
    this.ending.abort();
    for (const [object, image] of this.images) this.forget(object, image);
  }

  private forget(object: string, image: Image): void {
    image.cancel?.();
    this.waiting.delete(image);
    this.images.delete(object);
  }

  private collect(): ImageModules {
    return new Map([...this.images].flatMap(([object, { module }]) => (module ? [[object, module] as const] : [])));
  }

  private enqueue(image: Image): void {
    this.waiting.add(image);
  }

  private pullNext(): void {
    const [image] = this.waiting;
    if (!image || this.pulling >= AT_ONCE) return;
    this.waiting.delete(image);
    this.pulling++;
    const { key } = image;
    // What was asked for in the meantime has its own pull.
    const isCurrent = () => this.images.get(image.wish.object) === image && image.key === key;
    this.pull(image)
      .then(
        (pulled) => isCurrent() && this.pulled(image, pulled),
        (error: Error) => isCurrent() && this.failed(image, error),
      )
      .finally(() => {
        this.pulling--;
        this.pullNext();
      });
    this.pullNext();
  }

  private async pull({ wish, credentials, trust, pulled }: Image): Promise<Pulled> {
    const { pull: ask = pull, registry } = this.options;
    return ask({
      reference: parseReference(wish.url),
      sha256: wish.sha256,
      credentials,
      trust,
      before: pulled,
      known: (layer) => this.known(layer),
      registry: { ...registry, signal: this.ending.signal },
    });
  }

  private known(layer: string): Module | undefined {
    for (const { pulled } of this.images.values()) if (pulled?.layer === layer) return pulled.module;
    return undefined;
  }

  private pulled(image: Image, pulled: Pulled): void {
    const others = [...this.images.values()].filter((each) => each !== image).map((each) => each.pulled?.module);
    const bytes = [...new Set([...others, pulled.module])].reduce(
      (sum, module) => sum + (module?.base64.length ?? 0),
      0,
    );
    if (bytes > MAX_BYTES) {
      this.failed(image, new ImageError(`all modules together have more than ${MAX_BYTES} bytes`));
      return;
    }
    const isNew = image.module?.kind !== 'delivered' || image.module.sha256 !== pulled.module.sha256;
    image.pulled = pulled;
    image.failures = 0;
    const hadTrouble = image.trouble !== undefined;
    image.trouble = undefined;
    this.options.onPull?.(isNew ? 'pulled' : 'unchanged', pulled.bytes);
    if (image.wish.isFollowed) this.pullAgain(image, FOLLOW_MILLISECONDS);
    if (isNew) this.put(image, { kind: 'delivered', ...pulled.module });
    else if (hadTrouble) this.options.onChange();
  }

  private failed(image: Image, error: Error): void {
    if (this.ending.signal.aborted) return;
    const isVerdict = error instanceof ImageError && error.isVerdict;
    this.pullAgain(image, Math.min(FIRST_RETRY_MILLISECONDS * 2 ** image.failures, LAST_RETRY_MILLISECONDS));
    image.failures++;
    this.options.onPull?.(isVerdict ? 'withheld' : 'failed', 0);
    const isNews = image.trouble !== error.message;
    this.note(image, error.message);
    // Proxies may have it from a control plane that knew no better.
    if (isVerdict && !image.module) this.put(image, { kind: 'withheld' });
    else if (isNews) this.options.onChange();
  }

  private put(image: Image, module: ImageModule): void {
    image.module = module;
    this.modules = this.collect();
    this.options.onChange();
  }

  private note(image: Image, trouble: string): void {
    image.trouble = trouble;
    this.options.onTrouble(image.wish.object, trouble);
  }

  private pullAgain(image: Image, milliseconds: number): void {
    const { after = systemTimer } = this.options;
    image.cancel = after(milliseconds, () => {
      this.enqueue(image);
      this.pullNext();
    });
  }
}

/** Of a name that is none, nothing is pulled anyway. */
function trustOf({ url }: ImageWish, config: MeshConfig): ImageTrust {
  try {
    return imageTrust(repositoryName(parseReference(url)), config);
  } catch {
    return { kind: 'none' };
  }
}

/** @throws Error that says what is the matter with the Secret: without it nothing is asked. */
function credentialsOf(wish: ImageWish, secret: Parameters<typeof credentialsFor>[1] | undefined) {
  if (!wish.pullSecret) return undefined;
  const name = `imagePullSecret ${wish.pullSecret}`;
  if (!secret) throw new Error(`${name} is not there, or may not be read`);
  try {
    const found = credentialsFor(parseReference(wish.url), secret);
    if (found) return found;
  } catch (error) {
    throw error instanceof ImageError ? error : new Error(`${name} ${(error as Error).message}`);
  }
  throw new Error(`${name} has no credentials for the registry`);
}

function systemTimer(milliseconds: number, run: () => void): () => void {
  const timer = setTimeout(run, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}
