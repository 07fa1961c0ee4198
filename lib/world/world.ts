/** The World: all objects of the mesh at one moment, immutable, indexed for the questions that translation asks. */
import type { MeshConfig } from '../api';
import type { KubeObject } from '../api/object';
import type { ImageModules } from './image-modules';
import { Inventory } from './inventory';
import { type MeshSettings, meshSettings } from './mesh-config';
import { discovered } from './namespaces';
import type { Table } from './reads';
import { WorldView } from './view';

export interface WorldOptions {
  /** Takes the place of the ConfigMap. */
  meshConfig?: MeshConfig;
  /** Default: what the mesh configuration says, else the namespace of its ConfigMap, else `istio-system`. */
  rootNamespace?: string;
  /** WebAssembly modules of images that have been pulled. Default: none. */
  imageModules?: ImageModules;
}

export class World extends WorldView {
  /** For tables only; everyone else asks. */
  readonly inventory: Inventory;
  /** For tables only; everyone else asks. */
  readonly mesh: MeshSettings;
  /** For tables only; everyone else asks. */
  readonly imageModules: ImageModules;

  private readonly answers = new Map<Table<unknown>, Map<string, unknown>>();

  private constructor(objects: Iterable<KubeObject>, options: WorldOptions) {
    super();
    this.imageModules = options.imageModules ?? NO_MODULES;
    const given = [...objects];
    const all = new Inventory(given);
    this.mesh = meshSettings(all, options.meshConfig, options.rootNamespace);
    const chosen = discovered(given, all, this.mesh.config, this.mesh.rootNamespace);
    this.inventory = chosen === given ? all : new Inventory(chosen);
  }

  /**
   * The World of these objects, which Galley has admitted. Cheap: objects are only sorted into drawers, everything
   * else is worked out when asked for. Hand in unchanged objects by identity, and what was made of them is reused.
   */
  static of(objects: Iterable<KubeObject>, options: WorldOptions = {}): World {
    return new World(objects, options);
  }

  read<V>(table: Table<V>, key: string): V {
    let answers = this.answers.get(table);
    if (!answers) {
      answers = new Map();
      this.answers.set(table, answers);
    }
    const known = answers.get(key);
    if (known !== undefined || answers.has(key)) return known as V;
    const answer = table.answer(this, key);
    answers.set(key, answer);
    return answer;
  }
}

const NO_MODULES: ImageModules = new Map();
