import type { Facts, PlayState } from './play.ts';
import { ordinal } from './race/course.ts';
import type { Race } from './race/race.ts';

/** What the page shows, as the root element's `data-state` tells it. */
export type PageState = 'landing' | 'waiting' | 'connecting' | 'countdown' | 'racing' | 'finished' | 'problem';

/** `waiting` is both the line for a server and a race that waits for more sailors. */
export function pageStateOf(state: PlayState): PageState {
  switch (state.kind) {
    case 'landing':
    case 'problem':
    case 'connecting':
      return state.kind;
    case 'finding':
      return state.words === undefined ? 'connecting' : 'waiting';
    case 'playing':
      return state.race.phase ?? 'connecting';
  }
}

/** The one line that says what is going on, for eyes and for screen readers. Stable within a phase. */
export function statusOf(state: PlayState): string {
  switch (state.kind) {
    case 'landing':
      return '';
    case 'finding': {
      if (state.words === undefined) return 'Finding you a server';
      const place = state.position === undefined ? '' : ` You are ${ordinal(state.position)} in line.`;
      return `${state.words.title}. ${state.words.text}${place} You will sail as soon as one is free.`;
    }
    case 'connecting':
      return 'Coming aboard';
    case 'playing':
      return state.isInterrupted ? 'The line broke. Coming back aboard' : statusOfRace(state.race);
    case 'problem':
      return `${state.words.title}. ${state.words.text}`;
  }
}

function statusOfRace(race: Race): string {
  switch (race.phase) {
    case undefined:
      return 'Coming aboard';
    case 'waiting':
      return 'Waiting for other sailors';
    case 'countdown':
      return 'Get ready';
    case 'racing':
      return 'Racing';
    case 'finished':
      return race.placings === undefined ? 'The race is over' : titleOfResult(race);
  }
}

/** The headline over the result. */
export function titleOfResult(race: Race): string {
  const place = (race.placings ?? []).findIndex(({ boat }) => boat === race.welcome?.boat);
  const placing = race.placings?.[place];
  if (placing === undefined) return 'The race is over';
  if (placing.timeMs === null) return 'Out of time';
  return place === 0 ? 'You won the race' : `You came in ${ordinal(place + 1)}`;
}

/** The small print: how quickly the server was had, and which it is. Empty before there is anything to tell. */
export function factsLine({ allocatedMs, firstFrameMs, gameServer }: Facts): string {
  return [
    ...(allocatedMs === undefined ? [] : [`allocated in ${Math.round(allocatedMs)} ms`]),
    ...(firstFrameMs === undefined ? [] : [`first frame after ${Math.round(firstFrameMs)} ms`]),
    ...(gameServer === undefined ? [] : [gameServer]),
  ].join(' · ');
}

/** The address of the page with or without a session to join; whatever else is asked of the page stays. */
export function addressFor(address: string, sessionId: string | undefined): string {
  const url = new URL(address);
  url.hash = '';
  if (sessionId === undefined) url.searchParams.delete('join');
  else url.searchParams.set('join', sessionId);
  return url.href;
}

/** The link that brings a friend into the same race. */
export function invitationFor(address: string, sessionId: string): string {
  return `${new URL(address).origin}/?join=${encodeURIComponent(sessionId)}`;
}
