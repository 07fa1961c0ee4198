import type { Mesh } from './mesh';
export function checkAtSynthesis(_mesh: Mesh): void {}
