/** VirtualService: which requests a route takes. */
import { type Behaviour, get } from '../behaviour';

const topic = 'VirtualService';

export const virtualService: Behaviour[] = [
  {
    topic,
    feature: 'http match: uri exact, prefix, regex (RE2)',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: { name: reviews, namespace: shop }
      spec:
        hosts: [reviews]
        http:
        - match: [{ uri: { exact: /exact } }, { uri: { prefix: /prefix/ } }, { uri: { regex: "/items/[0-9]+" } }]
          route: [{ destination: { host: reviews, subset: v2 } }]
        - route: [{ destination: { host: reviews, subset: v1 } }]`,
    cases: [
      [get('http://reviews:9080/exact'), { who: 'v2' }],
      [get('http://reviews:9080/exact?x=1'), { who: 'v2' }],
      [get('http://reviews:9080/exact/'), { who: 'v1' }],
      [get('http://reviews:9080/prefix/a'), { who: 'v2' }],
      [get('http://reviews:9080/items/42'), { who: 'v2' }],
      [get('http://reviews:9080/items/42/'), { who: 'v1' }],
    ],
  },
];
