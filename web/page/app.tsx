import type { JSX } from 'preact';
import { useEffect, useReducer, useState } from 'preact/hooks';
import { MAX_NAME_LENGTH } from '../../server/games/boat-race/protocol.ts';
import { addressFor, factsLine, invitationFor, pageStateOf, statusOf } from '../page-state.ts';
import type { Play, PlayState } from '../play.ts';
import type { Words } from '../words.ts';
import { InviteButton } from './invite-button.tsx';
import { RaceView } from './race-view.tsx';
import { ResultBoard } from './result-board.tsx';
import { SeascapeCanvas } from './seascape-canvas.tsx';

export interface AppProps {
  play: Play;
  name: string;
  onName: (name: string) => void;
  startsWithAutopilot: boolean;
}

/** The whole page: what it shows follows from the state of play alone. */
export function App({ play, name, onName, startsWithAutopilot }: AppProps): JSX.Element {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  const [isAutopilotOn, setAutopilotOn] = useState(startsWithAutopilot);
  useEffect(() => play.subscribe(redraw), [play]);
  const { state, sessionId } = play;
  const pageState = pageStateOf(state);
  useEffect(() => {
    // A reload in the middle of a race comes back to the same seat.
    const isAtSea = pageState !== 'finished' && pageState !== 'problem' && sessionId !== undefined;
    if (pageState !== 'connecting')
      history.replaceState(null, '', addressFor(location.href, isAtSea ? sessionId : undefined));
  }, [pageState, sessionId]);
  const race = state.kind === 'playing' ? state.race : undefined;
  const status = statusOf(state);
  const facts = factsLine(play.facts);
  return (
    <div class="page" data-state={pageState}>
      {race === undefined ? (
        <SeascapeCanvas />
      ) : (
        <RaceView
          race={race}
          isAutopilotOn={isAutopilotOn}
          onAutopilot={setAutopilotOn}
          onFirstFrame={() => play.noteFirstFrame()}
        />
      )}
      {state.kind === 'landing' && <Landing name={name} onName={onName} onNewGame={() => play.newGame()} />}
      {(state.kind === 'finding' || state.kind === 'connecting') && (
        <OnTheWay state={state} onCancel={() => play.goHome()} />
      )}
      {state.kind === 'problem' && <Problem words={state.words} play={play} />}
      {race?.placings !== undefined && <ResultBoard race={race} onPlayAgain={() => play.newGame()} />}
      {race !== undefined && pageState !== 'finished' && (
        <div class="tools">
          {sessionId !== undefined && <InviteButton link={invitationFor(location.href, sessionId)} />}
          <button
            class={`button button-quiet ${isAutopilotOn ? 'is-on' : ''}`}
            data-testid="autopilot"
            type="button"
            aria-pressed={isAutopilotOn}
            onClick={() => setAutopilotOn(!isAutopilotOn)}
          >
            Autopilot {isAutopilotOn ? 'on' : 'off'}
          </button>
        </div>
      )}
      <p
        class={`status ${isShownElsewhere(state) ? 'visually-hidden' : ''}`}
        data-testid="status"
        role="status"
        aria-live="polite"
      >
        {status}
      </p>
      <footer class="facts" data-testid="facts">
        {facts}
      </footer>
    </div>
  );
}

/** Where the status is on the page already, it is only read out. */
function isShownElsewhere(state: PlayState): boolean {
  return !(state.kind === 'playing' && state.isInterrupted);
}

function Landing({
  name,
  onName,
  onNewGame,
}: {
  name: string;
  onName: (name: string) => void;
  onNewGame: () => void;
}): JSX.Element {
  return (
    <form
      class="landing"
      onSubmit={(event) => {
        event.preventDefault();
        onNewGame();
      }}
    >
      <h1 class="brand">Regatta</h1>
      <p class="tagline">One click. A server of your own. A race in the wind.</p>
      <label class="name-field">
        <span>Sailing as</span>
        <input
          data-testid="name"
          value={name}
          maxLength={MAX_NAME_LENGTH}
          autocomplete="nickname"
          spellcheck={false}
          onInput={(event) => onName(event.currentTarget.value)}
        />
      </label>
      <button class="button button-warm button-huge" data-testid="new-game" type="submit">
        New Game
      </button>
      <p class="landing-hint wide-only">
        <kbd>←</kbd> <kbd>→</kbd> steer · round the buoys in order · mind the wind
      </p>
      <p class="landing-hint touch-only">Slide a finger to steer · mind the wind</p>
    </form>
  );
}

function OnTheWay({ state, onCancel }: { state: PlayState; onCancel: () => void }): JSX.Element {
  const isInLine = state.kind === 'finding' && state.words !== undefined;
  return (
    <section class="card on-the-way">
      <svg class="compass" viewBox="0 0 64 64" aria-hidden="true">
        <circle cx="32" cy="32" r="29" />
        <path d="M32 9 L38 32 L32 55 L26 32 Z" />
        <path class="compass-north" d="M32 9 L38 32 H26 Z" />
      </svg>
      <h1>{isInLine && state.kind === 'finding' ? state.words?.title : statusOf(state)}</h1>
      {isInLine && <p aria-hidden="true">{statusOf(state).replace(`${state.words?.title}. `, '')}</p>}
      <button class="button button-quiet" type="button" onClick={onCancel}>
        Back to the harbour
      </button>
    </section>
  );
}

function Problem({ words, play }: { words: Words; play: Play }): JSX.Element {
  const takeStep = (): void => {
    switch (words.step) {
      case 'new-game':
        play.newGame();
        return;
      case 'try-again':
        play.tryAgain();
        return;
      case 'home':
        play.goHome();
    }
  };
  return (
    <section class="card problem" data-testid="problem">
      <h1>{words.title}</h1>
      <p>{words.text}</p>
      <button class="button button-warm button-big" data-testid="next-step" type="button" onClick={takeStep}>
        {words.button}
      </button>
      {words.step !== 'home' && (
        <button class="button button-quiet" type="button" onClick={() => play.goHome()}>
          Back to the harbour
        </button>
      )}
    </section>
  );
}
