import { createRequire } from 'node:module';

/** What games call of the published SDK, whose own types lack parts. */
export interface AgonesClient {
  connect(): Promise<void>;
  close(): void;
  ready(): Promise<unknown>;
  allocate(): Promise<unknown>;
  shutdown(): Promise<unknown>;
  reserve(seconds: number): Promise<unknown>;
  health(onError: (error: Error) => void): void;
  setLabel(key: string, value: string): Promise<unknown>;
  setAnnotation(key: string, value: string): Promise<unknown>;
  getGameServer(): Promise<SdkGameServer>;
  watchGameServer(onChange: (gameServer: SdkGameServer) => void, onError: (error: Error) => void): void;
  streams: { cancel(): void }[];
  beta: {
    getCounterCount(key: string): Promise<number>;
    incrementCounter(key: string, amount: number): Promise<void>;
    setCounterCapacity(key: string, amount: number): Promise<void>;
    getListValues(key: string): Promise<string[]>;
    appendListValue(key: string, value: string): Promise<void>;
    deleteListValue(key: string, value: string): Promise<void>;
    setListCapacity(key: string, amount: number): Promise<void>;
  };
  alpha: {
    getPlayerCount(): Promise<number>;
    isPlayerConnected(id: string): Promise<boolean>;
    playerDisconnect(id: string): Promise<boolean>;
  };
}

/** A GameServer as the SDK gives it. */
export interface SdkGameServer {
  objectMeta: { name: string; uid: string; labelsMap: [string, string][]; annotationsMap: [string, string][] };
  spec: { health: { periodSeconds: number } };
  status: {
    state: string;
    address: string;
    addressesList: { type: string; address: string }[];
    portsList: { name: string; port: number }[];
    countersMap: [string, { count: number; capacity: number }][];
    listsMap: [string, { capacity: number; valuesList: string[] }][];
  };
}

/** The published Agones SDK, as a game uses it. It takes its port from the environment when it is made. */
export const AgonesSdk = createRequire(import.meta.url)('@google-cloud/agones-sdk') as new () => AgonesClient;
