import type { JSX } from 'preact';
import { titleOfResult } from '../page-state.ts';
import { formatTime } from '../race/course.ts';
import { hullColour } from '../race/palette.ts';
import type { Race } from '../race/race.ts';

export interface ResultBoardProps {
  race: Race;
  onPlayAgain: () => void;
}

/** Who came in when, once the race is over. */
export function ResultBoard({ race, onPlayAgain }: ResultBoardProps): JSX.Element {
  const own = race.welcome?.boat;
  return (
    <section class="card result" data-testid="result" aria-label="Result">
      <h1>{titleOfResult(race)}</h1>
      <ol>
        {(race.placings ?? []).map(({ boat, name, timeMs }, index) => (
          <li key={boat} class={boat === own ? 'own' : ''}>
            <span class="result-place">{index + 1}</span>
            <svg class="result-boat" viewBox="0 0 20 20" aria-hidden="true">
              <path d="M10 1 L17 13 H10 Z M2 15 H18 L15 19 H5 Z" fill={hullColour(boat, boat === own)} />
            </svg>
            <span class="result-name">{name}</span>
            <span class="result-time">{timeMs === null ? 'did not finish' : formatTime(timeMs)}</span>
          </li>
        ))}
      </ol>
      <button class="button button-warm button-big" data-testid="play-again" type="button" onClick={onPlayAgain}>
        Play again
      </button>
    </section>
  );
}
