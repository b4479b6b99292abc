/** What happens to the GameServer when its session is over. */
export type EndPolicy = 'Shutdown' | 'Ready';

/** Bounds and choices of the kit. Times in milliseconds. */
export interface KitConfig {
  /** Game port; undefined takes it from the GameServer: its port of this name, else its first. */
  port: number | undefined;
  portName: string;
  /** The same where the GameServer speaks TLS beside: its port of this name, and no other. */
  tlsPort: number | undefined;
  tlsPortName: string;
  /** Interface to listen on. */
  host: string;
  endPolicy: EndPolicy;
  /** Players without a token are admitted, and the kit allocates the GameServer itself. */
  isDirectAdmission: boolean;
  /** Seats of a session that the kit made itself. */
  directSeats: number;
  /** How long a token may be ahead of what the SDK shows. */
  allocationWaitMs: number;
  /** How long Agones may take to make a state of what it was asked for, before it is asked again. */
  stateWaitMs: number;
  /** A dropped player's seat is kept this long. */
  seatGraceMs: number;
  /** With nobody connected for this long, a session that was played ends. */
  idleLimitMs: number;
  /** No-show limit of a session that the kit made itself. Others say it in their descriptor. */
  directJoinMs: number;
  maxSessionMs: number;
  /** On a stop, a session in play may go on for this long. */
  stopGraceMs: number;
  /** After the own Shutdown, Agones' SIGTERM is waited for this long. */
  terminationWaitMs: number;
  /** A closed connection that does not say goodbye by then is cut. */
  closeWaitMs: number;
  /** Each connection is pinged this often and cut when it has not answered by the next. */
  pingIntervalMs: number;
  /** Unsent bytes of one player at most. */
  maxQueuedBytes: number;
  /** The last messages to each player are kept for their return: so many, and so large, at most. Well below the queue. */
  maxReplayMessages: number;
  maxReplayBytes: number;
  maxMessagesPerSecond: number;
  /** Messages that make no sense, or come too fast, that one connection may send. */
  maxBadMessages: number;
  /** TCP connections at once, refused ones included. */
  maxConnections: number;
}
