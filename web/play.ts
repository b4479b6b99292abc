import { delay, fullJitterMs } from '../client/backoff.ts';
import { connect } from '../client/connection.ts';
import type { Connection, ConnectionEnd } from '../client/connection.ts';
import { keepAsking } from '../client/keep-asking.ts';
import { joinSession, newGame, resumeSession } from '../client/player-api.ts';
import type { Seat } from '../client/player-api.ts';
import { RegattaError } from '../client/problem.ts';
import { Race } from './race/race.ts';
import type { RaceNews } from './race/race.ts';
import {
  mayResumeAfter,
  OTHER_PROTOCOL_WORDS,
  OVER_MEANWHILE_WORDS,
  PROBLEM_WORDS,
  RETURNING_WORDS,
  wordsOfEnd,
} from './words.ts';
import type { Words } from './words.ts';

/** How long the allocator may keep one request in line. */
const WAIT_SECONDS = 20;
/** How often in a row a way back is asked for. A GameServer may be gone for seconds before the allocator knows it. */
const MAX_RESUMES = 8;
const RESUME_BACKOFF = { baseMs: 250, capMs: 2000 };
/** Attempts in a row where the allocator says that a place which seemed lost is good yet: it is asked again soon. */
const ATTEMPTS_AT_OLD_PLACE = 2;

/** What happened since the click, for the small print. */
export interface Facts {
  allocatedMs: number | undefined;
  firstFrameMs: number | undefined;
  gameServer: string | undefined;
}

/** Where the player is between the first page and the end of a race. */
export type PlayState =
  | { kind: 'landing' }
  | { kind: 'finding'; position: number | undefined; words: Words | undefined }
  | { kind: 'connecting' }
  | { kind: 'playing'; race: Race; isInterrupted: boolean; isLeft: boolean }
  | { kind: 'problem'; words: Words };

export interface PlayOptions {
  /** Empty for the page's own origin. */
  baseUrl: string;
  playerId: string;
  /** The sailor's name at the time of asking. */
  name: () => string;
  game?: string;
  /** How far the regions are, in milliseconds, as far as that is known at the time of asking. */
  latencies?: () => Record<string, number>;
  /** Milliseconds that only go forward. */
  nowMs: () => number;
  /** A key that no other wish to play has. */
  newKey: () => string;
  random?: () => number;
}

type Ask = (signal: AbortSignal) => Promise<Seat>;

/** The session that is sought again. */
interface LostPlace {
  sessionId: string;
  /** How long to wait before it is asked for. */
  pauseMs: number;
  words?: Words;
  /** To connect to it, should it be there yet. */
  maxAttempts?: number;
}

/** From click to result: asks for a seat, connects, and says what to show. Knows nothing of the page. */
export class Play {
  readonly #options: PlayOptions;
  readonly #listeners = new Set<() => void>();
  #state: PlayState = { kind: 'landing' };
  #facts: Facts = { allocatedMs: undefined, firstFrameMs: undefined, gameServer: undefined };
  #abort = new AbortController();
  #connection: Connection | undefined;
  #seat: Seat | undefined;
  #repeat: () => void = () => undefined;
  #clickedAtMs = 0;
  /** Since a race was last on the screen. */
  #resumes = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
  }

  get state(): PlayState {
    return this.#state;
  }

  get facts(): Facts {
    return this.#facts;
  }

  /** The session the player has a seat in: what an invitation names. */
  get sessionId(): string | undefined {
    return this.#seat?.sessionId;
  }

  /** Calls back after each change of state, facts, roster, phase or result; not for each tick. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for a race of one's own. */
  newGame(): void {
    const { baseUrl, playerId, game, latencies: latenciesNow, newKey } = this.#options;
    const idempotencyKey = newKey();
    // The same for each retry: one key is one request.
    const latencies = latenciesNow?.() ?? {};
    this.#begin((signal) =>
      newGame({
        baseUrl,
        playerId,
        idempotencyKey,
        waitSeconds: WAIT_SECONDS,
        signal,
        ...(game === undefined ? {} : { game }),
        ...(Object.keys(latencies).length === 0 ? {} : { latencies }),
      }),
    );
  }

  /** Takes a seat in a race one was invited to. */
  join(sessionId: string): void {
    const { baseUrl, playerId } = this.#options;
    this.#begin((signal) => joinSession(sessionId, { baseUrl, playerId, signal }));
  }

  /** Does again what failed: comes back to the seat, or asks for one again. */
  tryAgain(): void {
    if (this.#seat === undefined) this.#repeat();
    else this.#connect(this.#seat);
  }

  /** Leaves everything and goes to the first page. */
  goHome(): void {
    this.#leave();
    this.#set({ kind: 'landing' });
  }

  /** The network is back: no need to wait out the pause. */
  retryNow(): void {
    this.#connection?.retryNow();
  }

  /** To be called when a frame of a race has been drawn. One of the race before, drawn after the click, is not meant. */
  noteFirstFrame(): void {
    if (this.#state.kind !== 'playing' || this.#facts.firstFrameMs !== undefined) return;
    this.#facts = { ...this.#facts, firstFrameMs: this.#options.nowMs() - this.#clickedAtMs };
    this.#tellListeners();
  }

  #begin(ask: Ask): void {
    this.#repeat = () => this.#begin(ask);
    this.#resumes = 0;
    this.#find(ask, undefined);
  }

  /** Goes where the players of a lost session meet again; back to the same session while that runs. */
  #resume(lost: Seat, end: ConnectionEnd): void {
    const { baseUrl, random = Math.random } = this.#options;
    const { sessionId, wsUrl } = lost;
    const pauseMs = this.#resumes === 0 ? 0 : fullJitterMs(this.#resumes, RESUME_BACKOFF, random);
    this.#repeat = () => {
      this.#resumes = 0;
      this.#resume(lost, end);
    };
    this.#resumes += 1;
    const seen = { wsUrl, ...(end.kind === 'closed' ? { closeCode: end.code } : {}) };
    const ask: Ask = (signal) => resumeSession(sessionId, { baseUrl, ...seen, waitSeconds: WAIT_SECONDS, signal });
    const isExpired = end.kind === 'refused' && end.refusal.code === 'token_expired';
    this.#find(ask, {
      sessionId,
      pauseMs,
      ...(isExpired ? {} : { words: RETURNING_WORDS, maxAttempts: ATTEMPTS_AT_OLD_PLACE }),
    });
  }

  #find(ask: Ask, lost: LostPlace | undefined): void {
    this.#leave();
    this.#clickedAtMs = this.#options.nowMs();
    this.#facts = { allocatedMs: undefined, firstFrameMs: undefined, gameServer: undefined };
    this.#set({ kind: 'finding', position: undefined, words: lost?.words });
    void this.#findSeat(ask, lost, this.#abort.signal);
  }

  async #findSeat(ask: Ask, lost: LostPlace | undefined, signal: AbortSignal): Promise<void> {
    const { nowMs, random = Math.random } = this.#options;
    try {
      if (lost !== undefined) await delay(lost.pauseMs, signal);
      const seat = await keepAsking(() => ask(signal), {
        signal,
        random,
        onRefused: ({ code, position }) => this.#set({ kind: 'finding', position, words: PROBLEM_WORDS[code] }),
      });
      this.#facts = {
        ...this.#facts,
        allocatedMs: seat.allocation?.durationMs ?? nowMs() - this.#clickedAtMs,
        gameServer: seat.allocation?.gameServer,
      };
      this.#connect(seat, seat.sessionId === lost?.sessionId ? lost.maxAttempts : undefined);
    } catch (error) {
      if (signal.aborted) return;
      const code = error instanceof RegattaError ? error.code : 'unexpected_answer';
      const isOver = lost !== undefined && code === 'session_over';
      this.#set({ kind: 'problem', words: isOver ? OVER_MEANWHILE_WORDS : PROBLEM_WORDS[code] });
    }
  }

  #connect(seat: Seat, maxAttempts?: number): void {
    this.#leave();
    this.#seat = seat;
    const { signal } = this.#abort;
    this.#set({ kind: 'connecting' });
    const race = new Race((text) => connection.send(text));
    const connection = connect(seat.wsUrl, {
      signal,
      random: this.#options.random ?? Math.random,
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      onMessage: (text) => this.#onNews(race, race.receive(text, this.#options.nowMs())),
      onOpen: (isReturn) => {
        if (!isReturn || this.#state.kind !== 'playing') return;
        race.resumeHelm();
        this.#set({ ...this.#state, isInterrupted: false });
      },
      onInterrupted: () => {
        if (this.#state.kind === 'playing') this.#set({ ...this.#state, isInterrupted: true });
      },
    });
    this.#connection = connection;
    void connection.ended.then((end) => {
      if (signal.aborted) return;
      const words = wordsOfEnd(end);
      // A result stays on the screen when the session ends after it, as it does.
      if (this.#state.kind === 'playing' && race.placings !== undefined) this.#set({ ...this.#state, isLeft: true });
      else if (mayResumeAfter(end) && this.#resumes < MAX_RESUMES) this.#resume(seat, end);
      else if (words !== undefined) this.#set({ kind: 'problem', words });
    });
  }

  #onNews(race: Race, news: RaceNews): void {
    switch (news) {
      case 'welcome':
        race.sayHello(this.#options.name());
        this.#resumes = 0;
        this.#facts = { ...this.#facts, gameServer: race.welcome?.gameServer ?? this.#facts.gameServer };
        this.#set({ kind: 'playing', race, isInterrupted: false, isLeft: false });
        return;
      case 'other-protocol':
        this.#leave();
        this.#set({ kind: 'problem', words: OTHER_PROTOCOL_WORDS });
        return;
      case 'roster':
      case 'phase':
      case 'result':
        this.#tellListeners();
        return;
      case 'state':
      case 'nothing':
        return;
    }
  }

  /** Ends what runs: the request, the connection and their retries. */
  #leave(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#connection = undefined;
    this.#seat = undefined;
  }

  #set(state: PlayState): void {
    this.#state = state;
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}
