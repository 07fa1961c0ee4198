/** All rows, topic by topic. A new topic is a file of its own and a line here. */
import type { Behaviour } from '../behaviour';
import { virtualService } from './virtual-service';

export const behaviours: readonly Behaviour[] = [...virtualService];
