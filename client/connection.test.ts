import fc from 'fast-check';
import { CLOSE_CODES, mayReconnectAfter } from '../lib/close-codes.ts';
import { fullJitterMs } from './backoff.ts';
import { connect } from './connection.ts';
import type { ConnectOptions } from './connection.ts';
import { Harbour, problem } from './testing/harbour.ts';

let harbour: Harbour;
let abort: AbortController;
beforeEach(async () => {
  harbour = await Harbour.open();
  abort = new AbortController();
});
afterEach(async () => {
  abort.abort();
  await harbour.close();
});

const quick = (more: Partial<ConnectOptions> = {}): ConnectOptions => ({
  onMessage: () => undefined,
  signal: abort.signal,
  backoff: { baseMs: 1, capMs: 4 },
  isResumable: false,
  ...more,
});

describe('a connection', () => {
  it('passes texts on in order, both ways', async () => {
    harbour.onSocket = (socket) => {
      socket.send('one');
      socket.send('two');
      socket.on('message', (data: Buffer) => socket.close(4000, data));
    };
    const heard: string[] = [];
    const connection = connect(
      harbour.wsUrl,
      quick({
        onMessage: (text) => {
          heard.push(text);
          if (text === 'two') connection.send('bye');
        },
      }),
    );
    expect(await connection.ended).toEqual({ kind: 'closed', code: 4000, closeName: 'session_ended' });
    expect(heard).toEqual(['one', 'two']);
    expect(connection.send('late')).toBe(false);
  });

  it.each([1001, 1006, 1011, 1012, 1013, 4004, 4006])('comes back by itself after %d', async (code) => {
    harbour.onSocket = (socket, number) => {
      if (number > 1) socket.close(4000);
      else if (code === 1006) socket.terminate();
      else socket.close(code);
    };
    const opened: boolean[] = [];
    const { ended } = connect(harbour.wsUrl, quick({ onOpen: (isReturn) => opened.push(isReturn) }));
    expect(await ended).toMatchObject({ kind: 'closed', code: 4000 });
    expect(opened).toEqual([false, true]);
  });

  it.each(Object.entries(CLOSE_CODES).filter(([, { mayReconnect }]) => !mayReconnect))(
    'stays away after %s',
    async (closeName, { code }) => {
      harbour.onSocket = (socket) => socket.close(code);
      expect(await connect(harbour.wsUrl, quick()).ended).toEqual({ kind: 'closed', code, closeName });
      expect(harbour.upgrades).toBe(1);
    },
  );

  it('tells why the upgrade was refused, and does not insist', async () => {
    harbour.answers = [problem(401, 'token_expired')];
    const end = await connect(harbour.wsUrl, quick()).ended;
    expect(end).toMatchObject({ kind: 'refused', refusal: { code: 'token_expired' } });
    expect(harbour.upgrades).toBe(1);
  });

  it('tries a bounded number of times while the refusal may pass', async () => {
    harbour.answers = [problem(502, 'game_server_unreachable')];
    const end = await connect(harbour.wsUrl, quick({ maxAttempts: 3 })).ended;
    expect(end).toMatchObject({ kind: 'unreachable', refusal: { code: 'game_server_unreachable' } });
    expect(harbour.upgrades).toBe(3);
  });

  it('does not wait out the pause when told that the network is back', async () => {
    harbour.onSocket = (socket, number) => (number === 1 ? socket.terminate() : socket.close(4000));
    const connection = connect(
      harbour.wsUrl,
      quick({
        backoff: { baseMs: 600_000, capMs: 600_000 },
        random: () => 0.9,
        onInterrupted: () => connection.retryNow(),
      }),
    );
    expect(await connection.ended).toMatchObject({ kind: 'closed', code: 4000 });
  });

  it('does not wait for an attempt that hangs when told that the network is back', async () => {
    harbour.silentUpgrades = 1;
    harbour.onSocket = (socket) => socket.close(4000);
    const connection = connect(harbour.wsUrl, quick({ connectTimeoutMs: 600_000 }));
    while (harbour.upgrades === 0) await new Promise((resolve) => setImmediate(resolve));
    connection.retryNow();
    expect(await connection.ended).toMatchObject({ kind: 'closed', code: 4000 });
    expect(harbour.upgrades).toBe(2);
  });

  it('ends as refused where the URL cannot be opened at all', async () => {
    const { ended } = connect('ws://', quick({}));
    expect(await ended).toMatchObject({ kind: 'refused', refusal: { code: 'unexpected_answer', retryable: false } });
  });

  it('ends at once when it is aborted, and says goodbye', async () => {
    const goodbye = new Promise<number>((resolve) => {
      harbour.onSocket = (socket) => socket.on('close', resolve);
    });
    const { ended } = connect(harbour.wsUrl, quick({ onOpen: () => abort.abort() }));
    expect(await ended).toEqual({ kind: 'aborted' });
    expect(await goodbye).toBe(1000);
  });
});

it('agrees with the table of close codes on each of its rows', () => {
  for (const { code, mayReconnect } of Object.values(CLOSE_CODES)) expect(mayReconnectAfter(code)).toBe(mayReconnect);
});

it('never waits longer than the cap, nor less than nothing', () => {
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, baseMs, capMs, share) => {
        const waitMs = fullJitterMs(attempt, { baseMs, capMs }, () => share);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(Math.min(capMs, baseMs * 2 ** attempt));
      },
    ),
  );
});
