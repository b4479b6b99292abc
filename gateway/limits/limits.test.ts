import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { parseNetworks } from '../networks.ts';
import { addressKey } from './address-key.ts';
import { AddressRates } from './address-rates.ts';
import type { AddressRatesOptions } from './address-rates.ts';
import { ByteAllowance } from './byte-allowance.ts';
import { ConnectionLimits } from './connection-limits.ts';
import type { Admission, ConnectionLimitsOptions } from './connection-limits.ts';
import { RateLimiter } from './rate-limiter.ts';

const seed = 17;

describe('what limits count an address as', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['nonsense', 'nonsense'],
  ])('is, for %s, %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('is the same for all addresses of a /64, however they are written, and for no others', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
        const [oneUrl, otherUrl] = [one, other].map((address) => new URL(`http://[${address}]`).hostname);
        expect(addressKey(one)).toBe(addressKey((oneUrl ?? '').slice(1, -1)));
        expect(addressKey(other)).toBe(addressKey((otherUrl ?? '').slice(1, -1)));
      }),
      { seed },
    );
  });
});

describe('a rate', () => {
  it('is never gone over by more than the burst, and what it says of the wait is true', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.nat(400), { minLength: 1, maxLength: 300 }),
        (perSecond, burstSeconds, pausesMs) => {
          const clock = new ManualClock(1_000_000);
          const limiter = new RateLimiter({ clock, perSecond, burstSeconds, maxKeys: 1 });
          let taken = 0;
          for (const pauseMs of pausesMs) {
            clock.advance(pauseMs);
            const waitMs = limiter.take('a');
            if (waitMs === 0) {
              taken += 1;
              continue;
            }
            clock.advance(Math.ceil(waitMs));
            expect(limiter.take('a')).toBe(0);
            taken += 1;
          }
          const seconds = (clock.nowMs() - 1_000_000) / 1000;
          expect(taken).toBeLessThanOrEqual(perSecond * (seconds + burstSeconds) + 1);
        },
      ),
      { seed },
    );
  });

  it("is each key's own, and what it knows of keys is bounded", () => {
    const limiter = new RateLimiter({ clock: new ManualClock(1000), perSecond: 1, burstSeconds: 1, maxKeys: 10 });
    for (let key = 0; key < 1000; key += 1) expect(limiter.take(String(key))).toBe(0);
    expect(limiter.size).toBe(10);
    expect(limiter.take('999')).toBeGreaterThan(0);
    expect(limiter.take('0')).toBe(0);
  });
});

function limits(options: Partial<ConnectionLimitsOptions & AddressRatesOptions> = {}) {
  const clock = new ManualClock(1_000_000);
  const isUnlimited = parseNetworks('10.0.0.0/8');
  const rates = new AddressRates({
    clock,
    rate: { perSecond: 1000, burstSeconds: 1 },
    ratePerAddress: { perSecond: 1000, burstSeconds: 1 },
    maxAddresses: 50,
    isUnlimited,
    ...options,
  });
  const counted = new ConnectionLimits({
    maxConnections: 100,
    maxConnectionsPerAddress: 3,
    isUnlimited,
    rates,
    ...options,
  });
  return { clock, counted, rates };
}

const codesOf = (admissions: Admission[]): (string | undefined)[] => admissions.map(({ fault }) => fault?.code);

describe('connections', () => {
  it('are refused to an address that has too many, until one of its own is closed', () => {
    const { counted } = limits();
    const mine = Array.from({ length: 4 }, () => counted.admit('203.0.113.7'));
    expect(codesOf(mine)).toEqual([undefined, undefined, undefined, 'too_many_connections']);
    expect(counted.admit('203.0.113.8').fault).toBeUndefined();
    releaseOf(mine[0])();
    expect(counted.admit('203.0.113.7').fault).toBeUndefined();
  });

  it('are counted together for one /64', () => {
    const { counted } = limits();
    const all = [1, 2, 3, 4].map((last) => counted.admit(`2001:db8::${last}`));
    expect(codesOf(all)).toEqual([undefined, undefined, undefined, 'too_many_connections']);
    expect(counted.admit('2001:db8:0:1::1').fault).toBeUndefined();
  });

  it('are refused to an address that opens them too quickly, with when to come again', () => {
    const { counted, clock } = limits({ ratePerAddress: { perSecond: 1, burstSeconds: 2 } });
    const open = (): Admission => counted.admit('203.0.113.7');
    expect(codesOf([open(), open()])).toEqual([undefined, undefined]);
    expect(open()).toEqual({ fault: { code: 'too_many_requests', retryAfterSeconds: 1 } });
    clock.advance(1000);
    expect(open().fault).toBeUndefined();
  });

  it('have a bound for all together; what one address is refused is not taken from it', () => {
    const rate = { perSecond: 1, burstSeconds: 3 };
    const { counted } = limits({ rate, ratePerAddress: { perSecond: 1, burstSeconds: 1 } });
    for (let turn = 0; turn < 50; turn += 1) counted.admit('203.0.113.7');
    expect(counted.admit('203.0.113.8').fault).toBeUndefined();
    expect(counted.admit('203.0.113.9').fault).toBeUndefined();
    expect(counted.admit('203.0.113.10').fault?.code).toBe('overloaded');
  });

  it('of unlimited networks are bounded by the whole alone', () => {
    const { counted } = limits({ maxConnections: 20, ratePerAddress: { perSecond: 1, burstSeconds: 1 } });
    const all = Array.from({ length: 21 }, () => counted.admit('10.1.2.3'));
    expect(codesOf(all).filter((code) => code === undefined)).toHaveLength(20);
    expect(all.at(-1)?.fault?.code).toBe('overloaded');
  });

  it('come and go without anything being left, and from however many addresses in bounded memory', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.ipV4(), fc.boolean()), { maxLength: 400 }), (comings) => {
        const { counted, rates } = limits();
        const releases: (() => void)[] = [];
        for (const [address, isShort] of comings) {
          const admission = counted.admit(address);
          if (admission.fault !== undefined) continue;
          if (isShort) admission.release();
          else releases.push(admission.release);
          expect(counted.addresses).toBeLessThanOrEqual(100);
          expect(rates.addresses).toBeLessThanOrEqual(50);
        }
        expect(counted.open).toBe(releases.length);
        for (const release of [...releases, ...releases]) release();
        expect(counted.open).toBe(0);
        expect(counted.addresses).toBe(0);
      }),
      { seed, numRuns: 50 },
    );
  });
});

function releaseOf(admission: Admission | undefined): () => void {
  if (admission === undefined || admission.fault !== undefined) throw new Error('there was no place');
  return admission.release;
}

describe('an allowance of bytes', () => {
  it('lets no more pass over any span than its due, two bursts and one chunk, and stops nobody who keeps within it', () => {
    const chunk = fc.tuple(fc.integer({ min: 1, max: 65_536 }), fc.nat(2000));
    fc.assert(
      fc.property(
        fc.integer({ min: 16_384, max: 1_000_000 }),
        fc.array(chunk, { minLength: 1, maxLength: 200 }),
        fc.nat(199),
        (bytesPerSecond, chunks, from) => {
          let nowMs = 1000;
          const allowance = new ByteAllowance(bytesPerSecond, () => nowMs);
          const passed: { atMs: number; bytes: number }[] = [];
          for (const [bytes, quietMs] of chunks) {
            nowMs += quietMs;
            passed.push({ atMs: nowMs, bytes });
            nowMs += allowance.spend(bytes);
          }
          const span = passed.slice(from);
          const total = span.reduce((sum, { bytes }) => sum + bytes, 0);
          const seconds = ((span.at(-1)?.atMs ?? 0) - (span[0]?.atMs ?? 0)) / 1000;
          expect(total).toBeLessThanOrEqual(bytesPerSecond * (seconds + 4) + 65_536 + 1);
        },
      ),
      { seed },
    );
    let nowMs = 0;
    const allowance = new ByteAllowance(100_000, () => nowMs);
    for (let turn = 0; turn < 1000; turn += 1, nowMs += 10) expect(allowance.spend(1000)).toBe(0);
  });
});
