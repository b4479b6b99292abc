import { createHash } from 'node:crypto';
import type { Game, GameSession, Player, SessionContext } from '../../kit/game.ts';
import { parseClientMessage } from './client-message.ts';
import { BOAT_RACE_PROTOCOL, MAX_BOATS, MAX_CLIENT_MESSAGE_BYTES, TICKS_PER_SECOND } from './protocol.ts';
import type { BoatState, ServerMessage } from './protocol.ts';
import { Race } from './race.ts';
import type { Boat, RaceSettings } from './race.ts';

/** The boat race, for the kit. */
export function createBoatRace(settings: RaceSettings): Game {
  return {
    name: 'boat-race',
    maxSeats: MAX_BOATS,
    ticksPerSecond: TICKS_PER_SECOND,
    maxMessageBytes: MAX_CLIENT_MESSAGE_BYTES,
    open: (context) => new BoatRaceSession(context, settings),
  };
}

/** A player's boat has the number of the seat. */
class BoatRaceSession implements GameSession {
  readonly #context: SessionContext;
  readonly #race: Race;
  readonly #names = new Map<number, string>();
  readonly #connectedSeats = new Set<number>();
  #hasResult = false;

  constructor(context: SessionContext, settings: RaceSettings) {
    this.#context = context;
    this.#race = new Race(settings, seedOf(context.descriptor.sessionId));
  }

  join(player: Player): void {
    const { seat } = player;
    this.#connectedSeats.add(seat);
    this.#race.board(seat, this.#names.get(seat) ?? nameless(seat));
    sendTo(player, {
      type: 'welcome',
      protocol: BOAT_RACE_PROTOCOL,
      boat: seat,
      course: this.#race.course,
      gameServer: this.#context.gameServer,
      seats: this.#context.seats,
    });
    this.#tellRoster();
    if (this.#hasResult) sendTo(player, this.#result());
    this.#startWhenFull();
  }

  /** The page has the welcome and every state: the others learn that the boat is manned again. */
  resume({ seat }: Player): void {
    this.#connectedSeats.add(seat);
    this.#race.board(seat, this.#names.get(seat) ?? nameless(seat));
    this.#tellRoster();
    this.#startWhenFull();
  }

  disconnect({ seat }: Player): void {
    this.#connectedSeats.delete(seat);
    this.#race.drift(seat);
    this.#tellRoster();
  }

  leave({ seat }: Player): void {
    this.#names.delete(seat);
    this.#race.abandon(seat);
    this.#tellRoster();
  }

  message(player: Player, text: string): boolean {
    const message = parseClientMessage(text);
    if (message === undefined) return false;
    switch (message.type) {
      case 'hello':
        if (message.name === '') return true;
        this.#names.set(player.seat, message.name);
        this.#race.rename(player.seat, message.name);
        this.#tellRoster();
        return true;
      case 'steer':
        this.#race.steer(player.seat, message);
        return true;
      case 'start':
        this.#race.startNow();
        return true;
      case 'ping':
        sendTo(player, { type: 'pong', nonce: message.nonce });
        return true;
    }
  }

  tick(): void {
    this.#race.step();
    if (this.#connectedSeats.size > 0) this.#tellState();
    if (this.#race.phase === 'finished' && !this.#hasResult) {
      this.#hasResult = true;
      this.#tell(this.#result());
    }
    if (this.#race.isOver) this.#context.end();
  }

  isInPlay(): boolean {
    return this.#race.phase !== 'waiting';
  }

  #startWhenFull(): void {
    if (this.#connectedSeats.size === this.#context.seats) this.#race.startNow();
  }

  #result(): ServerMessage {
    return { type: 'result', placings: this.#race.placings() };
  }

  #tellRoster(): void {
    const boats = this.#race.boats.map(({ boat, name, computer, isConnected }) => ({
      boat,
      name,
      isComputer: computer !== undefined,
      isConnected,
    }));
    this.#tell({ type: 'roster', boats });
  }

  #tellState(): void {
    const { tick, phase, clockMs, wind, boats } = this.#race;
    this.#tell({
      type: 'state',
      tick,
      phase,
      clockMs,
      wind: { fromDegrees: rounded(wind.fromDegrees), speed: rounded(wind.speed) },
      boats: boats.map(stateOf),
    });
  }

  #tell(message: ServerMessage): void {
    this.#context.broadcast(JSON.stringify(message));
  }
}

function nameless(seat: number): string {
  return `Sailor ${seat + 1}`;
}

function sendTo(player: Player, message: ServerMessage): void {
  player.send(JSON.stringify(message));
}

function stateOf({ boat, x, y, headingDegrees, speed, lap, nextBuoy, rudder, sheet }: Boat): BoatState {
  const numbers = [x, y, headingDegrees, speed].map(rounded);
  const [east = 0, north = 0, heading = 0, metresPerSecond = 0] = numbers;
  return [boat, east, north, heading, metresPerSecond, lap, nextBuoy, rounded(rudder), rounded(sheet)];
}

/** Centimetres are enough for the eye and spare half of the bytes. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A session's own wind: the same whenever it is asked. */
function seedOf(sessionId: string): number {
  return createHash('sha256').update(sessionId).digest().readUInt32LE();
}
