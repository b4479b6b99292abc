import { execFile } from 'node:child_process';
import type { Fleet, GameServer } from '../../lib/agones.ts';

/**
 * Looks at a cluster, or at `local`, the way an operator would: through kubectl, which understands every kubeconfig.
 * Without kubectl, an API that speaks plain HTTP can be given by its URL.
 */
export class ClusterView {
  readonly #get: (path: string) => Promise<unknown>;

  private constructor(get: (path: string) => Promise<unknown>) {
    this.#get = get;
  }

  static atUrl(apiUrl: string): ClusterView {
    return new ClusterView(async (path) => {
      const answer = await fetch(`${apiUrl}${path}`, { signal: AbortSignal.timeout(10_000) });
      return answer.status === 404 ? undefined : answer.json();
    });
  }

  static byKubectl(kubectl: string): ClusterView {
    return new ClusterView(async (path) => {
      const text = await run(kubectl, ['get', '--raw', path]);
      return text === undefined ? undefined : JSON.parse(text);
    });
  }

  async gameServer(name: string, namespace = 'default'): Promise<GameServer | undefined> {
    const found = await this.#get(`/apis/agones.dev/v1/namespaces/${namespace}/gameservers/${name}`);
    return found as GameServer | undefined;
  }

  async gameServers(namespace = 'default'): Promise<GameServer[]> {
    const list = await this.#get(`/apis/agones.dev/v1/namespaces/${namespace}/gameservers`);
    return (list as { items: GameServer[] }).items;
  }

  async fleet(name: string, namespace = 'default'): Promise<Fleet | undefined> {
    return (await this.#get(`/apis/agones.dev/v1/namespaces/${namespace}/fleets/${name}`)) as Fleet | undefined;
  }
}

function run(program: string, parameters: string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(program, parameters, { timeout: 20_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (stderr.includes('NotFound')) resolve(undefined);
      else reject(new Error(`${program} ${parameters.join(' ')}: ${stderr}`, { cause: error }));
    });
  });
}
