import { CANARY_ANNOTATION, GAME_LABEL, readSeats, SEATS_ANNOTATION, SESSIONS_LIST } from '../../lib/session.ts';
import type { Game, GameFleet, Games } from '../allocation/ports.ts';
import type { ReflectorTarget } from './reflector.ts';
import { fleetSchema, namedSchema } from './wire.ts';

/** What one Fleet says of the game it plays. */
interface FleetGame extends GameFleet {
  seats: number;
  /** Undefined for a Fleet that is no canary. */
  canaryPercent: number | undefined;
}

/**
 * The games that the Fleets of a namespace play, as their watch tells them.
 *
 * Where two Fleets play one game and say different numbers of seats, the smaller one counts: whichever GameServer is
 * allocated, it can seat that many.
 */
export class WatchedFleets implements Games, ReflectorTarget {
  #byFleet = new Map<string, FleetGame>();
  #games = new Map<string, Game>();

  byName(name: string): Game | undefined {
    return this.#games.get(name);
  }

  all(): readonly Game[] {
    return [...this.#games.values()];
  }

  fleets(): readonly GameFleet[] {
    return [...this.#byFleet.values()].toSorted((a, b) => a.fleet.localeCompare(b.fleet));
  }

  replaceAll(objects: readonly unknown[]): void {
    this.#byFleet = new Map();
    for (const object of objects) this.#learn(object);
    this.#recount();
  }

  upsert(object: unknown): void {
    this.#learn(object);
    this.#recount();
  }

  remove(object: unknown): void {
    this.#byFleet.delete(namedSchema.parse(object).metadata.name);
    this.#recount();
  }

  #learn(object: unknown): void {
    const { metadata, spec } = fleetSchema.parse(object);
    const template = spec.template.metadata;
    const game = template?.labels?.[GAME_LABEL];
    const isGoing = (metadata.deletionTimestamp ?? undefined) !== undefined;
    if (game === undefined || game === '' || isGoing) this.#byFleet.delete(metadata.name);
    else {
      const seats = readSeats(template?.annotations?.[SEATS_ANNOTATION]);
      const mode = spec.template.spec?.lists?.[SESSIONS_LIST] === undefined ? 'exclusive' : 'shared';
      const canary = metadata.annotations?.[CANARY_ANNOTATION] ?? template?.annotations?.[CANARY_ANNOTATION];
      const canaryPercent = canary === undefined ? undefined : readPercent(canary);
      this.#byFleet.set(metadata.name, { fleet: metadata.name, game, seats, mode, canaryPercent });
    }
  }

  #recount(): void {
    const byGame = Map.groupBy(this.#byFleet.values(), ({ game }) => game);
    this.#games = new Map(
      [...byGame].map(([name, fleets]) => [
        name,
        {
          name,
          seats: Math.min(...fleets.map(({ seats }) => seats)),
          mode: fleets.every(({ mode }) => mode === 'shared') ? 'shared' : 'exclusive',
          fleets: fleets.map(({ fleet }) => fleet).toSorted((a, b) => a.localeCompare(b)),
          ...canariesOf(fleets),
        },
      ]),
    );
  }
}

function canariesOf(fleets: readonly FleetGame[]): Pick<Game, 'canaries'> {
  const canaries = fleets.flatMap(({ fleet, canaryPercent }) =>
    canaryPercent === undefined ? [] : [{ fleet, percent: canaryPercent }],
  );
  return canaries.length === 0 ? {} : { canaries };
}

/** Nobody is sent to a canary whose share makes no sense. */
function readPercent(text: string): number {
  const percent = text.trim() === '' ? Number.NaN : Number(text);
  return percent >= 0 && percent <= 100 ? percent : 0;
}
