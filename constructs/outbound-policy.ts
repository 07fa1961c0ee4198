/** What happens to requests for hosts that the mesh does not know. */
export class OutboundPolicy {
  /** They are refused: the mesh is all there is. */
  static registryOnly(): OutboundPolicy {
    return new OutboundPolicy('REGISTRY_ONLY');
  }

  /** They leave the mesh as they are. */
  static allowAny(): OutboundPolicy {
    return new OutboundPolicy('ALLOW_ANY');
  }

  private constructor(
    /** As the mesh configuration spells it. */
    readonly mode: 'REGISTRY_ONLY' | 'ALLOW_ANY',
  ) {}
}
