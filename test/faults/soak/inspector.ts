import { once } from 'node:events';
import { WebSocket } from 'ws';

/** The inspector of another Node process: has it collect its garbage, so that what is left is what it keeps. */
export class Inspector {
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param url - as the process prints it when it is started with `--inspect` */
  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** @returns what the heap holds afterwards, in MB */
  async collectGarbage(): Promise<number> {
    await this.#call('HeapProfiler.enable');
    await this.#call('HeapProfiler.collectGarbage');
    await this.#call('HeapProfiler.disable');
    const { usedSize } = (await this.#call('Runtime.getHeapUsage')) as { usedSize: number };
    return Math.round(usedSize / 104_857.6) / 10;
  }

  /** How many timers are set. */
  async timers(): Promise<number> {
    const expression = `process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length`;
    const { result } = (await this.#call('Runtime.evaluate', { expression })) as { result: { value: number } };
    return result.value;
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const take = (data: Buffer): void => {
        const answer = JSON.parse(data.toString()) as { id?: number; result?: unknown; error?: { message: string } };
        if (answer.id !== id) return;
        this.#socket.off('message', take);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(answer.error.message));
      };
      this.#socket.on('message', take);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
