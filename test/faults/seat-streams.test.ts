import fc from 'fast-check';
import { SeatStream as PlayersStream } from '../../client/seat-stream.ts';
import { formatSeatMessage, parseResumeRequest, parseSeatMessage } from '../../lib/resume-protocol.ts';
import { SeatStream as KitsStream } from '../../server/kit/seat-stream.ts';

const SEED = Number(process.env['REGATTA_SEED'] ?? '7');
const RUNS = Number(process.env['REGATTA_RUNS'] ?? '1000');

/** What happens next: somebody sends, some of what is under way arrives, or the connection breaks and is made again. */
type Step =
  { kind: 'game sends' | 'player sends' | 'breaks' | 'returns' } | { kind: 'arrives'; at: Side; count: number };
type Side = 'player' | 'kit';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'game sends' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'player sends' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'breaks' }) },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'returns' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('arrives' as const),
      at: fc.constantFrom<Side>('player', 'kit'),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
);

/** The two ends of a seat and a network that loses all it carries when it breaks. */
class Seat {
  missed = 0;
  unsent = 0;
  readonly #kit: KitsStream;
  readonly #player: PlayersStream;
  readonly #sent = { kit: 0, player: 0 };
  /** The number of the message that must come next. */
  readonly #next = { kit: 1, player: 1 };
  #toPlayer: { text: string; isControl: boolean }[] = [];
  #toKit: string[] = [];
  #isConnected = true;
  #isSettled = true;

  constructor(kept: number) {
    const bounds = { maxMessages: kept, maxBytes: 1_000_000 };
    this.#kit = new KitsStream(bounds, 0);
    const seat = parseSeatMessage(this.#kit.continueAfter(0, 0).seatMessage);
    if (seat === undefined) throw new Error('the kit says nonsense');
    this.#player = new PlayersStream(seat, bounds);
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'game sends':
        this.#sent.kit += 1;
        this.#kit.keep({ text: String(this.#sent.kit), bytes: 1 });
        if (this.#isConnected) this.#toPlayer.push({ text: String(this.#sent.kit), isControl: false });
        return;
      case 'player sends':
        this.#sent.player += 1;
        this.#player.keep(String(this.#sent.player));
        if (this.#isSettled) this.#toKit.push(String(this.#sent.player));
        return;
      case 'arrives':
        for (let count = 0; count < step.count; count += 1) this.#arrive(step.at);
        return;
      case 'breaks':
        this.#isConnected = false;
        this.#isSettled = false;
        this.#toPlayer = [];
        this.#toKit = [];
        return;
      case 'returns':
        this.#return();
        return;
    }
  }

  /** All that is under way arrives, on a connection that holds. */
  settle(): void {
    this.#return();
    while (this.#toPlayer.length + this.#toKit.length > 0) {
      this.#arrive('player');
      this.#arrive('kit');
    }
    expect(this.#next).toEqual({ player: this.#sent.kit + 1, kit: this.#sent.player + 1 });
  }

  #arrive(at: Side): void {
    if (at === 'kit') {
      const text = this.#toKit.shift();
      if (text === undefined) return;
      this.#kit.noteReceived(0);
      expect(Number(text)).toBe(this.#next.kit);
      this.#next.kit += 1;
      return;
    }
    const message = this.#toPlayer.shift();
    if (message === undefined) return;
    if (message.isControl) {
      this.#learn(message.text);
      return;
    }
    this.#player.noteReceived();
    expect(Number(message.text)).toBe(this.#next.player);
    this.#next.player += 1;
  }

  /** Also while the kit believes the older connection to stand: its end is what the newer one is for. */
  #return(): void {
    this.take({ kind: 'breaks' });
    const { searchParams } = new URL(this.#player.returnUrl('ws://host/session/s?token=t'));
    const request = parseResumeRequest(searchParams);
    if (request === undefined || 'wrong' in request) throw new Error('the player says nonsense');
    expect(this.#kit.isSecret(request.secret)).toBe(true);
    const { seatMessage, texts } = this.#kit.continueAfter(request.after, 0);
    this.#isConnected = true;
    this.#toPlayer = [{ text: seatMessage, isControl: true }, ...texts.map((text) => ({ text, isControl: false }))];
  }

  #learn(seatMessage: string): void {
    const seat = parseSeatMessage(seatMessage);
    const continued = seat === undefined ? undefined : this.#player.continueWith(seat);
    if (continued === undefined) throw new Error('the kit tells of another stream');
    this.#isSettled = true;
    this.#next.player += continued.missed;
    this.#next.kit += continued.unsent;
    this.missed += continued.missed;
    this.unsent += continued.unsent;
    this.#toKit.push(...continued.texts);
  }
}

function run(kept: number, steps: readonly Step[]): Seat {
  const seat = new Seat(kept);
  for (const next of steps) seat.take(next);
  seat.settle();
  return seat;
}

test('whenever it breaks, each message arrives once and in order, both ways, within the bound', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const { missed, unsent } = run(120, steps);
      expect([missed, unsent]).toEqual([0, 0]);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('beyond the bound nothing arrives twice either, and each message that does not is told of', () => {
  let lost = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 120, size: 'max' }), (kept, steps) => {
      const { missed, unsent } = run(kept, steps);
      lost += missed + unsent;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(lost).toBeGreaterThan(RUNS);
});

test('what is no seat message is none', () => {
  const good = { resume: 's'.repeat(32), received: 1, missed: 0, silenceMs: 1 };
  expect(parseSeatMessage(formatSeatMessage(good))).toEqual({ type: 'seat', ...good });
  for (const [field, value] of [
    ['resume', 'short'],
    ['resume', 's'.repeat(65)],
    ['resume', `${'s'.repeat(31)}&`],
    ['resume', 5],
    ['received', -1],
    ['received', 1.5],
    ['missed', '1'],
    ['missed', 1e13],
    ['silenceMs', null],
    ['type', 'other'],
  ] as const) {
    expect(parseSeatMessage(JSON.stringify({ type: 'seat', ...good, [field]: value }))).toBeUndefined();
  }
  for (const text of ['', '[]', 'null', '{', `${' '.repeat(600)}${formatSeatMessage(good)}`]) {
    expect(parseSeatMessage(text)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.json(), (text) => expect(parseSeatMessage(text)).toBeUndefined()),
    { seed: SEED },
  );
});
