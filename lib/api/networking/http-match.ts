/** The conditions under which an HTTP route of a VirtualService applies. */
import { described, flag, map, message, type Static, text, textMap, texts, uint32 } from '../schema';
import { StringMatch } from './string-match';

export const HTTPMatchRequest = message(
  {
    name: text('A name for this match; it becomes part of the name of the route.'),
    uri: described(StringMatch, 'Compares the path of the request, without its query.'),
    scheme: described(StringMatch, 'Compares the scheme.'),
    method: described(StringMatch, 'Compares the method.'),
    authority: described(StringMatch, 'Compares the authority, which HTTP/1.1 calls Host.'),
    headers: map(
      StringMatch,
      'Compares headers by their name in lower case. An empty match asks only that the header is there. `uri`, `scheme`, `method` and `authority` are not headers here.',
    ),
    withoutHeaders: map(StringMatch, 'As `headers`, but none of these may match.'),
    queryParams: map(
      StringMatch,
      'Compares parameters of the query. An empty match asks only that the parameter is there.',
    ),
    ignoreUriCase: flag('Compare exact and prefix matches of `uri` without regard to case.'),
    port: uint32('The port on which the request came. Needed only for services with more than one port.'),
    sourceLabels: textMap(
      'Labels of the workloads to whose requests the rule applies. With gateways listed at the top, `mesh` has to be one of them.',
    ),
    sourceNamespace: text('The namespace of the workloads to whose requests the rule applies.'),
    gateways: texts('The gateways at which the rule applies, instead of those at the top of the VirtualService.'),
    statPrefix: text('A prefix for the statistics of this route.'),
  },
  { description: 'All conditions that are set have to hold. An empty match holds for every request.' },
);
export type HTTPMatchRequest = Static<typeof HTTPMatchRequest>;
