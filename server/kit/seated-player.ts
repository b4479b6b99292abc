import type { CloseName } from '../../lib/close-codes.ts';
import type { KeptMessage } from '../../lib/replay-ring.ts';
import type { Player } from './game.ts';
import type { SeatStream } from './seat-stream.ts';

/** What a seat needs of a connection. */
export interface SeatConnection {
  send(text: string): void;
  sendControl(text: string): void;
  /** So many messages may come faster than the rate allows. */
  allowBurst(messages: number): void;
  close(name: CloseName): void;
}

/** A player on a seat, with or without a connection. */
export class SeatedPlayer implements Player {
  readonly playerId: string;
  readonly seat: number;
  connection: SeatConnection | undefined;
  /** Undefined for a client that cannot go on with it. */
  stream: SeatStream | undefined;
  cancelGrace: () => void = () => {};

  constructor(playerId: string, seat: number) {
    this.playerId = playerId;
    this.seat = seat;
  }

  send(text: string): void {
    this.deliver(keptMessage(text));
  }

  /** Sends a message that others get, too. */
  deliver(message: KeptMessage): void {
    this.stream?.keep(message);
    this.connection?.send(message.text);
  }
}

/** A message as seats keep it: one for however many players. */
export function keptMessage(text: string): KeptMessage {
  return { text, bytes: Buffer.byteLength(text) };
}
