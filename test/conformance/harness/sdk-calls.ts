/** The codes of gRPC that the SDK server answers with. */
export const CODE = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** What the SDK server answered, whichever protocol it was asked by. */
export interface SdkAnswer<T = object> {
  /** Of gRPC; REST has it in its body. */
  code: number;
  /** Empty where it is ok. */
  message: string;
  /** Only where it is ok. */
  value?: T;
}

export interface Counter {
  name: string;
  count: number;
  capacity: number;
}

export interface List {
  name: string;
  capacity: number;
  values: string[];
}

/** What is to become of a Counter; what is absent is not sent. */
export interface CounterChange {
  count?: number;
  capacity?: number;
  countDiff?: number;
}

/** A GameServer as a game sees it: what both protocols tell, in one shape. */
export interface SeenGameServer {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  generation: number;
  /** Seconds since 1970. */
  creationTimestamp: number;
  /** Seconds since 1970; 0 where it is not being deleted. */
  deletionTimestamp: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  health: { disabled: boolean; periodSeconds: number; failureThreshold: number; initialDelaySeconds: number };
  state: string;
  address: string;
  addresses: { type: string; address: string }[];
  ports: { name: string; port: number }[];
  counters: Record<string, { count: number; capacity: number }>;
  lists: Record<string, { capacity: number; values: string[] }>;
}

/** A watch that is being read. */
export interface SdkWatch {
  /** Everything it brought so far. */
  readonly seen: SeenGameServer[];
  /** How it came to its end, once it has: a code of gRPC, or nothing for one that simply stopped. */
  readonly ended: { code?: number } | undefined;
  /** The states it told, each once, in order. */
  readonly states: string[];
  /** Waits for something that has come or will come. */
  until(what: string, wanted: (gameServer: SeenGameServer) => boolean): Promise<SeenGameServer>;
  cancel(): void;
}

/** Every RPC of the SDK, spoken by one of its protocols. Refusals are answers, not errors. */
export interface SdkCalls {
  ready(): Promise<SdkAnswer>;
  allocate(): Promise<SdkAnswer>;
  shutdown(): Promise<SdkAnswer>;
  reserve(seconds: number): Promise<SdkAnswer>;
  setLabel(key: string, value: string): Promise<SdkAnswer>;
  setAnnotation(key: string, value: string): Promise<SdkAnswer>;
  getGameServer(): Promise<SdkAnswer<SeenGameServer>>;
  watchGameServer(): SdkWatch;
  getCounter(name: string): Promise<SdkAnswer<Counter>>;
  updateCounter(name: string, change: CounterChange): Promise<SdkAnswer<Counter>>;
  getList(name: string): Promise<SdkAnswer<List>>;
  /** What is given is what the mask names. */
  updateList(name: string, change: { capacity?: number; values?: string[] }): Promise<SdkAnswer<List>>;
  addListValue(name: string, value: string): Promise<SdkAnswer<List>>;
  removeListValue(name: string, value: string): Promise<SdkAnswer<List>>;
  playerConnect(playerId: string): Promise<SdkAnswer>;
  playerDisconnect(playerId: string): Promise<SdkAnswer>;
  isPlayerConnected(playerId: string): Promise<SdkAnswer>;
  getConnectedPlayers(): Promise<SdkAnswer>;
  getPlayerCount(): Promise<SdkAnswer>;
  getPlayerCapacity(): Promise<SdkAnswer>;
  setPlayerCapacity(count: number): Promise<SdkAnswer>;
  close(): void;
}
