/** Load balancing. */
import type {
  ConsistentHashLB,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
} from '../../api/networking/load-balancing';
import { shown } from '../schema-check';
import type { Check } from './check';

/** Maglev's table is smaller. */
const TABLE_BOUND = 5_000_011;

const PLACES = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'];

export function checkLoadBalancer(
  settings: LoadBalancerSettings | undefined,
  check: Check,
  /** Endpoints that fail are ejected. */
  ejects: boolean,
): void {
  if (!settings) {
    return;
  }
  checkConsistentHash(settings.consistentHash, check.at('consistentHash'));
  checkLocality(settings.localityLbSetting, check.at('localityLbSetting'), ejects);
  if (settings.localityLbSetting && settings.zoneAwareLbSetting) {
    check.at('zoneAwareLbSetting').error('only one of localityLbSetting and zoneAwareLbSetting may be set, got both');
  }
  if (settings.warmupDurationSecs) {
    check.at('warmupDurationSecs').warning('warmupDurationSecs is deprecated', 'use warmup.duration');
  }
  if (settings.warmupDurationSecs && settings.warmup) {
    check.at('warmup').error('only one of warmupDurationSecs and warmup may be set, got both');
  }
}

function checkConsistentHash(hash: ConsistentHashLB | undefined, check: Check): void {
  if (!hash) {
    return;
  }
  if (hash.httpCookie) {
    if (hash.httpCookie.name === '') {
      check.at('httpCookie', 'name').error('the name of a cookie must not be empty');
    }
    const seen = new Set<string>();
    check.at('httpCookie', 'attributes').each(hash.httpCookie.attributes, ({ name }, at) => {
      if (name === '') {
        at.error('the name of an attribute must not be empty');
      } else if (seen.has(name)) {
        at.error(`the attribute ${shown(name)} stands twice`);
      }
      seen.add(name);
    });
  }
  if (hash.minimumRingSize !== undefined) {
    check.at('minimumRingSize').warning('minimumRingSize is deprecated here', 'use ringHash.minimumRingSize');
    if (hash.ringHash ?? hash.maglev) {
      check.at('minimumRingSize').error('minimumRingSize has no place beside ringHash or maglev');
    }
  }
  if (hash.maglev) {
    const size = Number(hash.maglev.tableSize ?? 0);
    if (size >= TABLE_BOUND || !isPrime(size)) {
      check
        .at('maglev', 'tableSize')
        .error(`the size of the table is a prime number below ${TABLE_BOUND}, got ${hash.maglev.tableSize ?? 'none'}`);
    }
  }
}

function isPrime(number: number): boolean {
  if (number < 2 || (number % 2 === 0 && number !== 2)) {
    return false;
  }
  for (let divisor = 3; divisor * divisor <= number; divisor += 2) {
    if (number % divisor === 0) {
      return false;
    }
  }
  return true;
}

function checkLocality(setting: LocalityLoadBalancerSetting | undefined, check: Check, ejects: boolean): void {
  if (!setting) {
    return;
  }
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0 && failover.length > 0) {
    check.error('distribute and failover exclude each other, got both');
  }
  const place = failover.length > 0 ? failoverPriority.find((label) => PLACES.includes(label)) : undefined;
  if (place) {
    check.at('failoverPriority').error(`${shown(place)} has no place beside failover, which orders places already`);
  }
  if (!ejects && (failover.length > 0 || failoverPriority.length > 0)) {
    check.warning(
      'without outlierDetection no endpoint is ejected, so that nothing fails over',
      'add outlierDetection',
    );
  }
  const sources: string[] = [];
  check.at('distribute').each(distribute, ({ from = '', to }, at) => {
    checkLocalityName(from, sources, at.at('from'));
    const weights = Object.entries(to ?? {});
    const targets: string[] = [];
    for (const [name, weight] of weights) {
      checkLocalityName(name, targets, at.at('to', name));
      if (weight === 0) {
        at.at('to', name).error('a share is at least 1 percent, got 0', 'leave the locality out');
      }
    }
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    if (total !== 100) {
      at.at('to').error(`the shares have to add up to 100, got ${total}`);
    }
  });
  check.at('failover').each(failover, ({ from = '', to = '' }, at) => {
    if (from === to) {
      at.error(`a region fails over to another one, got ${shown(from)} to ${shown(to)}`);
    }
    for (const region of [from, to]) {
      if (region.includes('/') || region.includes('*')) {
        at.error(`failover is between regions, got ${shown(region)}`);
      }
    }
  });
}

/** @param others those that stand before it, to which it is added; no two may have places in common. */
function checkLocalityName(name: string, others: string[], check: Check): void {
  const parts = name.split('/');
  const star = name.indexOf('*');
  if (parts.length > 3 || parts.includes('') || (star >= 0 && star !== name.length - 1)) {
    check.error(`a locality is written as region/zone/sub-zone, with * only at the end, got ${shown(name)}`);
  }
  const other = others.find((each) => includes(each, name) || includes(name, each));
  if (other !== undefined) {
    check.error(`the localities ${shown(other)} and ${shown(name)} have places in common`);
  }
  others.push(name);
}

/** `region` and `region/*` stand for all of its zones. */
function includes(wide: string, narrow: string): boolean {
  const outer = wide.replace(/\/?\*$/, '');
  return outer === '' || narrow === outer || narrow.startsWith(`${outer}/`);
}
