/** Changes to the headers of requests and responses. */
import { message, type Static, textMap, texts } from '../schema';

export const HeaderOperations = message(
  {
    set: textMap('Headers that replace those of the same name.'),
    add: textMap('Values that are appended to the header of this name.'),
    remove: texts('Names of headers that are taken away.'),
  },
  { description: 'Changes to headers.' },
);
export type HeaderOperations = Static<typeof HeaderOperations>;

export const Headers = message(
  { request: HeaderOperations, response: HeaderOperations },
  {
    description:
      'Changes to the headers of the request before it is forwarded and of the response before it is returned.',
  },
);
export type Headers = Static<typeof Headers>;
