import type { WebSocket as ServerSocket } from 'ws';
import { formatSeatMessage, RESUME_SUBPROTOCOL } from '../lib/resume-protocol.ts';
import { connect } from './connection.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { Harbour, problem } from './testing/harbour.ts';

const SECRET = 's'.repeat(32);

let harbour: Harbour;
let abort: AbortController;
let heard: string[];
let gaps: [missed: number, unsent: number][];
let connection: Connection;

beforeEach(async () => {
  harbour = await Harbour.open();
  harbour.chooses = RESUME_SUBPROTOCOL;
  harbour.answers = [problem(426, 'upgrade_required')];
  abort = new AbortController();
  heard = [];
  gaps = [];
});
afterEach(async () => {
  abort.abort();
  await harbour.close();
});

function open(more: Partial<ConnectOptions> = {}): Connection {
  connection = connect(harbour.wsUrl, {
    onMessage: (text) => heard.push(text),
    onGap: (missed, unsent) => gaps.push([missed, unsent]),
    signal: abort.signal,
    backoff: { baseMs: 1, capMs: 4 },
    ...more,
  });
  return connection;
}

function seat(socket: ServerSocket, more: { resume?: string; received?: number; missed?: number } = {}): void {
  const message = formatSeatMessage({ resume: SECRET, received: 0, missed: 0, silenceMs: 60_000, ...more });
  socket.send(Buffer.from(message), { binary: true });
}

/** What a connection heard, once there are so many. */
async function textsOf(socket: ServerSocket, count: number): Promise<string[]> {
  const texts: string[] = [];
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      texts.push(data.toString());
      if (texts.length === count) resolve();
    });
  });
  return texts;
}

/** Runs each connection's part, in order, and ends after the last. */
function script(...parts: ((socket: ServerSocket, path: string) => void | Promise<void>)[]): void {
  harbour.onSocket = (socket, number, path) => {
    void (async () => {
      await parts[number - 1]?.(socket, path);
      if (number === parts.length) socket.close(4000);
      else socket.terminate();
    })();
  };
}

describe('a connection that comes back', () => {
  it('says what it has, gets what it missed, and sends again only what did not arrive', async () => {
    const paths: string[] = [];
    const resent: string[][] = [];
    script(
      async (socket, path) => {
        paths.push(path);
        const texts = textsOf(socket, 3);
        seat(socket);
        for (const text of ['a', 'b']) socket.send(text);
        await texts;
      },
      async (socket, path) => {
        paths.push(path);
        const texts = textsOf(socket, 3);
        seat(socket, { received: 1 });
        socket.send('c');
        resent.push(await texts);
      },
    );
    const { ended } = open({
      onOpen: (isReturn) => {
        for (const text of isReturn ? ['4'] : ['1', '2', '3']) expect(connection.send(text)).toBe(true);
      },
    });
    expect(await ended).toMatchObject({ code: 4000 });
    expect(heard).toEqual(['a', 'b', 'c']);
    expect(resent).toEqual([['2', '3', '4']]);
    expect(paths).toEqual(['/session/s1?token=t', `/session/s1?token=t&resume=${SECRET}&after=2`]);
    expect(gaps).toEqual([]);
  });

  it('keeps what is sent while it is away, and takes nothing before it ever stood', async () => {
    const late: string[][] = [];
    script(
      (socket) => seat(socket),
      async (socket) => {
        const texts = textsOf(socket, 2);
        seat(socket);
        late.push(await texts);
      },
    );
    const { ended } = open({
      onInterrupted: () => {
        for (const text of ['1', '2']) expect(connection.send(text)).toBe(true);
      },
    });
    expect(connection.send('too early')).toBe(false);
    expect(await ended).toMatchObject({ code: 4000 });
    expect(late).toEqual([['1', '2']]);
  });

  it('tells of what is lost in each direction, and counts on from there', async () => {
    const resent: string[][] = [];
    const paths: string[] = [];
    script(
      async (socket) => {
        const texts = textsOf(socket, 5);
        seat(socket);
        socket.send('a');
        await texts;
      },
      async (socket) => {
        const texts = textsOf(socket, 2);
        seat(socket, { received: 1, missed: 7 });
        socket.send('i');
        resent.push(await texts);
      },
      async (socket, path) => {
        paths.push(path);
        const texts = textsOf(socket, 1);
        seat(socket, { received: 2 });
        resent.push(await texts);
      },
    );
    const { ended } = open({
      maxKeptMessages: 2,
      onOpen: (isReturn) => {
        if (!isReturn) for (const text of ['1', '2', '3', '4', '5']) connection.send(text);
      },
    });
    expect(await ended).toMatchObject({ code: 4000 });
    expect(gaps).toEqual([[7, 2]]);
    expect(heard).toEqual(['a', 'i']);
    // The game has one and the two that were kept, but the second of these got lost once more.
    expect(resent).toEqual([['4', '5'], ['5']]);
    expect(paths).toEqual([expect.stringMatching(/&after=9$/)]);
  });

  it('begins anew where its seat was given up, and repeats nothing of before', async () => {
    const texts: string[][] = [];
    script(
      (socket) => seat(socket),
      async (socket) => {
        const both = textsOf(socket, 1);
        seat(socket, { resume: 'n'.repeat(32) });
        texts.push(await both);
      },
    );
    const { ended } = open({
      onInterrupted: () => connection.send('of before'),
      onGap: (missed, unsent) => {
        gaps.push([missed, unsent]);
        connection.send('hello');
      },
    });
    expect(await ended).toMatchObject({ code: 4000 });
    expect(gaps).toEqual([[Infinity, Infinity]]);
    expect(texts).toEqual([['hello']]);
  });

  it('stays away when the seat is not kept any more', async () => {
    harbour.onSocket = (socket, number) => {
      if (number > 1) {
        socket.close(4002);
        return;
      }
      seat(socket);
      socket.terminate();
    };
    const end = await open().ended;
    expect(end).toEqual({ kind: 'closed', code: 4002, closeName: 'seat_expired' });
    expect(harbour.upgrades).toBe(2);
  });

  it('does not let an attempt that it gave up take the seat from the one after it', async () => {
    harbour.silentUpgrades = 1;
    harbour.onSocket = (socket, number) => {
      seat(socket);
      // The second time it is somebody else.
      socket.close(4001);
      if (number > 3) throw new Error('it insists');
    };
    const { ended } = open({ connectTimeoutMs: 50 });
    expect(await ended).toEqual({ kind: 'closed', code: 4001, closeName: 'seat_taken_over' });
    expect(harbour.upgrades).toBe(3);
  });

  it('takes silence for the end of a connection, and signs of life for none', async () => {
    harbour.onSocket = (socket, number) => {
      const message = formatSeatMessage({ resume: SECRET, received: 0, missed: 0, silenceMs: number === 1 ? 50 : 200 });
      socket.send(Buffer.from(message), { binary: true });
      if (number === 1) return;
      let signs = 0;
      const timer = setInterval(() => {
        socket.send(Buffer.from('{"type":"alive"}'), { binary: true });
        signs += 1;
        if (signs < 10) return;
        clearInterval(timer);
        socket.close(4000);
      }, 50);
    };
    expect(await open().ended).toMatchObject({ code: 4000 });
    expect(harbour.upgrades).toBe(2);
    expect(heard).toEqual([]);
  });
});

describe('a server that does not know of coming back', () => {
  it.each([
    ['says so', problem(426, 'upgrade_required')],
    ['is no server of ours', { status: 426, body: 'Upgrade Required' }],
  ])('is played with all the same when it chooses none of what is offered and %s', async (_, answer) => {
    harbour.chooses = false;
    harbour.answers = [answer];
    harbour.onSocket = (socket) => {
      // Node's client fails an upgrade that chooses nothing only after it has stood.
      socket.on('error', () => socket.terminate());
      socket.send('hello');
      socket.on('message', () => socket.close(4000));
    };
    const { ended } = open({ onOpen: () => connection.send('hi') });
    expect(await ended).toMatchObject({ kind: 'closed', code: 4000 });
    expect(heard).toEqual(['hello']);
    expect(harbour.upgrades).toBe(3);
  });

  it('is not taken for one after a failure that passes', async () => {
    harbour.onSocket = undefined;
    const { ended } = open({ onOpen: () => connection.send('hi') });
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (harbour.upgrades < 1) return;
        clearInterval(look);
        resolve();
      }, 1);
    });
    harbour.onSocket = (socket) => {
      seat(socket);
      socket.close(4000);
    };
    expect(await ended).toMatchObject({ code: 4000 });
    expect(harbour.protocols.at(-1)).toBe(RESUME_SUBPROTOCOL);
  });

  it('is played with when it chooses whatever is offered', async () => {
    harbour.onSocket = (socket, number) => {
      socket.send(`hello ${number}`);
      if (number === 1) setImmediate(() => socket.terminate());
      else socket.on('message', () => socket.close(4000));
    };
    const { ended } = open({ onOpen: (isReturn) => isReturn && connection.send('hi') });
    expect(await ended).toMatchObject({ kind: 'closed', code: 4000 });
    expect(heard).toEqual(['hello 1', 'hello 2']);
    expect(gaps).toEqual([]);
  });

  it('is played with when it chooses whatever is offered and waits for the first word', async () => {
    harbour.onSocket = (socket) => socket.on('message', () => socket.close(4000));
    const { ended } = open({ onOpen: () => connection.send('hi') });
    expect(await ended).toMatchObject({ kind: 'closed', code: 4000 });
    expect(harbour.upgrades).toBe(1);
  });

  it('is offered nothing where that is known', async () => {
    harbour.chooses = false;
    harbour.onSocket = (socket) => socket.close(4000);
    expect(await open({ isResumable: false }).ended).toMatchObject({ code: 4000 });
    expect(harbour.upgrades).toBe(1);
  });
});
