/** The resources hold something that the simulator does not understand: better no answer than a wrong one. */
export class SimulationError extends Error {
  override name = 'SimulationError';

  static unknown(what: string, where: string): SimulationError {
    return new SimulationError(`cannot simulate ${what} in ${where}: the answer would be a guess`);
  }
}
