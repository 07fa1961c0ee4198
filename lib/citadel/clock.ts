/** What time it is. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();
