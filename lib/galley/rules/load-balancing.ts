/** Load balancing. */
import type {
  ConsistentHashLB,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
} from '../../api/networking/load-balancing';
import { shown } from '../schema-check';
import type { Check } from './check';

/** Envoy's limit for Maglev's table. */
const LARGEST_TABLE = 5_000_011;

export function checkLoadBalancer(settings: LoadBalancerSettings | undefined, check: Check): void {
  if (!settings) {
    return;
  }
  checkConsistentHash(settings.consistentHash, check.at('consistentHash'));
  checkLocality(settings.localityLbSetting, check.at('localityLbSetting'));
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
  }
  const size = Number(hash.maglev?.tableSize ?? 0);
  if (size !== 0 && (size > LARGEST_TABLE || !isPrime(size))) {
    check
      .at('maglev', 'tableSize')
      .error(`the size of the table is a prime number of at most ${LARGEST_TABLE}, got ${size}`);
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

function checkLocality(setting: LocalityLoadBalancerSetting | undefined, check: Check): void {
  if (!setting) {
    return;
  }
  const ways = (['distribute', 'failover', 'failoverPriority'] as const).filter((field) => setting[field]?.length);
  if (ways.includes('distribute') && ways.length > 1) {
    check.error(`distribute and ${ways[1]} exclude each other, got both`);
  }
  const sources = new Set<string>();
  check.at('distribute').each(setting.distribute, ({ from = '', to }, at) => {
    if (sources.has(from)) {
      at.at('from').error(`the locality ${shown(from)} stands twice`);
    }
    sources.add(from);
    checkLocalityName(from, at.at('from'));
    const weights = Object.entries(to ?? {});
    for (const [name, weight] of weights) {
      checkLocalityName(name, at.at('to', name));
      if (weight === 0) {
        at.at('to', name).error('a share is at least 1 percent, got 0', 'leave the locality out');
      }
    }
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    if (weights.length > 0 && total !== 100) {
      at.at('to').error(`the shares have to add up to 100, got ${total}`);
    }
  });
  check.at('failover').each(setting.failover, ({ from = '', to = '' }, at) => {
    if (from === to || to === '') {
      at.error(`a region fails over to another one, got ${shown(from)} to ${shown(to)}`);
    }
    for (const region of [from, to]) {
      if (region.includes('/') || region.includes('*')) {
        at.error(`failover is between regions, got ${shown(region)}`);
      }
    }
  });
}

function checkLocalityName(name: string, check: Check): void {
  const parts = name.split('/');
  const star = parts.indexOf('*');
  if (parts.length > 3 || parts.includes('') || (star >= 0 && star !== parts.length - 1)) {
    check.error(`a locality is written as region/zone/sub-zone, with * only at the end, got ${shown(name)}`);
  }
}
