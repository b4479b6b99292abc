import { ProblemError } from '../../lib/errors.ts';
import type { Game, Games } from '../allocation/ports.ts';

/**
 * The game that is meant: the one named, else the only one there is, else the configured one.
 *
 * @throws ProblemError unknown_game, or invalid_request when there are several and none was named
 */
export function chooseGame(games: Games, name: string | undefined, defaultGame: string | undefined): Game {
  const all = games.all();
  const [only] = all;
  const wanted = name ?? (all.length === 1 ? only?.name : defaultGame);
  if (wanted === undefined) {
    if (only === undefined) throw new ProblemError('unknown_game', 'There is no Fleet that plays a game');
    throw new ProblemError('invalid_request', 'There are several games: say which', {
      errors: [
        { field: 'game', message: `is needed: one of ${all.map((game) => game.name).join(', ')}`.slice(0, 500) },
      ],
    });
  }
  const game = games.byName(wanted);
  if (game === undefined) {
    throw new ProblemError('unknown_game', 'No Fleet plays this game', {
      errors: [{ field: 'game', message: 'is not played here' }],
    });
  }
  return game;
}
