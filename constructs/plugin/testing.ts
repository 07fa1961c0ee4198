/**
 * What a plugin does, asked in its own tests: the same code as in a mesh, without one.
 *
 * @packageDocumentation
 */
import { isDeepStrictEqual } from 'node:util';
import { ApiObject, App } from 'cdk8s';
import type { KubeObject } from '../../lib/api/object';
import { EnvoyResource } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { type Finding, judgeByRules } from '../../lib/galley';
import type { PatchableResource, PatchedProxy, ResourcePatch } from '../../lib/pilot/patch';
import { checksOf, decide, patchesOf, pluginFrom, rulesOf, tagsOf, type Verdict } from '../../lib/plugin';
import type { TelemetryTag } from '../../lib/plugin/telemetry-tag';
import { Mesh } from '../mesh';
import type { AuthorizationRequest, Plugin } from '.';

export type { Finding, KubeObject, Verdict };

/** The message of a resource. */
export type MessageOf<R extends PatchableResource> = Parameters<Extract<ResourcePatch, { resource: R }>['change']>[0];

/** A plugin under test. */
export class PluginTest {
  private readonly plugin: Plugin;

  /**
   * @param exported what the package exports: the plugin itself, or a module with it as default.
   * @throws Error when it is no plugin for this version of Malha.
   */
  constructor(exported: unknown) {
    this.plugin = pluginFrom(exported, 'under test');
  }

  /** What its rules find in these objects. */
  findings(...objects: readonly KubeObject[]): Finding[] {
    return judgeByRules(objects, rulesOf([this.plugin]));
  }

  /**
   * A resource as its patches leave it, checked against Envoy's API.
   * @param proxy who gets it. Default: a sidecar of namespace `shop`.
   * @throws Error where a mesh would leave the resource as it was, and when two runs give two results.
   */
  changed<R extends PatchableResource>(
    resource: R,
    message: MessageOf<R>,
    proxy: PatchedProxy = { type: 'sidecar', namespace: 'shop' },
  ): MessageOf<R> {
    const once = () => {
      let current = structuredClone(message);
      for (const patch of patchesOf([this.plugin])) {
        if (patch.resource !== resource) continue;
        const change = patch.change as (message: MessageOf<R>, proxy: PatchedProxy) => MessageOf<R> | undefined;
        const changed = change(structuredClone(current), { ...proxy }) ?? current;
        if (changed.name !== current.name) throw new Error(`${patch.name}: a patch keeps the name of what it changes`);
        // What Envoy's API does not know cannot be encoded.
        void new EnvoyResource(TypeUrl[resource], changed.name ?? '', changed).any;
        current = changed;
      }
      return current;
    };
    const result = once();
    if (!isDeepStrictEqual(result, once())) throw new Error('the same resource was changed in two ways');
    return result;
  }

  /**
   * What its checks decide, within 250 ms.
   * @param request what is left out is that of a plain `GET /`.
   */
  decision(request: Partial<AuthorizationRequest> = {}): Promise<Verdict> {
    const whole = { protocol: 'http', method: 'GET', path: '/', query: '', headers: {}, ...request } as const;
    return decide(checksOf([this.plugin]), whole, DECISION_MILLISECONDS);
  }

  /**
   * The objects that its constructs write in a mesh of its own.
   * @throws Error with all that synthesis finds.
   */
  objects(): KubeObject[] {
    const app = new App();
    const mesh = new Mesh(app, 'mesh', { controlPlane: { image: 'test/malha:plugins' } }).use(this.plugin);
    app.synthYaml();
    const id = `plugin-${this.plugin.name.replace(/^@/, '').replaceAll('/', '-')}`;
    return mesh.node.root.node
      .findAll()
      .filter((each): each is ApiObject => ApiObject.isApiObject(each))
      .filter(({ node }) => node.scopes.some((scope) => scope.node.id === id))
      .map((object) => object.toJson() as KubeObject);
  }

  /** Its tags. */
  get tags(): readonly TelemetryTag[] {
    return tagsOf([this.plugin]);
  }
}

const DECISION_MILLISECONDS = 250;
