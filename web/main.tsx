import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { measureRegions } from '../client/regions.ts';
import { App } from './page/app.tsx';
import { Play } from './play.ts';
import { loadName, playerIdOf, randomHex, saveName, tidyName } from './player.ts';

/** A browser may forbid its storage altogether: then nothing is remembered, and all else works. */
function storageOf(get: () => Storage): Storage | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

const browserStorage = storageOf(() => localStorage);
const asked = new URLSearchParams(location.search);
const game = asked.get('game');
let sailor = loadName(browserStorage);
/** Filled in a moment after the page is there. */
let latencies: Record<string, number> = {};
const play = new Play({
  baseUrl: '',
  playerId: playerIdOf(
    browserStorage,
    storageOf(() => sessionStorage),
  ),
  name: () => tidyName(sailor),
  nowMs: () => performance.now(),
  newKey: () => randomHex(16),
  latencies: () => latencies,
  ...(game === null ? {} : { game }),
});
void measureRegions().then(
  (measured) => (latencies = measured),
  () => {
    // Then the allocator chooses.
  },
);
window.addEventListener('online', () => play.retryNow());

function Page(): JSX.Element {
  const [name, setName] = useState(sailor);
  const onName = (typed: string): void => {
    sailor = typed;
    setName(typed);
    saveName(browserStorage, tidyName(typed));
  };
  return <App play={play} name={name} onName={onName} startsWithAutopilot={asked.get('autopilot') === '1'} />;
}

const root = document.querySelector('#app');
if (root !== null) render(<Page />, root);
const sessionId = asked.get('join');
if (sessionId !== null && sessionId !== '') play.join(sessionId);
