import { GAME_SERVER_STATES } from '../../lib/agones.ts';
import type { GameServer, GameServerState } from '../../lib/agones.ts';
import { devAddressOf, isActive, isBeforeReady, isBeingDeleted, isTerminal } from './game-server-state.ts';

function inState(state: GameServerState, metadata: Partial<GameServer['metadata']> = {}): GameServer {
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name: 'one', ...metadata },
    spec: { template: { spec: { containers: [] } } },
    status: { state },
  };
}

const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z' };

function statesThat(holds: (gameServer: GameServer) => boolean): string[] {
  return GAME_SERVER_STATES.filter((state) => holds(inState(state)));
}

describe('the state of a GameServer', () => {
  it('shows a deletion as Shutdown or as a deletionTimestamp', () => {
    expect(statesThat(isBeingDeleted)).toEqual(['Shutdown']);
    expect(isBeingDeleted(inState('Ready', deletion))).toBe(true);
  });

  it('is before Ready, active or terminal, and never two of these', () => {
    expect(statesThat(isBeforeReady)).toEqual(['PortAllocation', 'Creating', 'Starting', 'Scheduled', 'RequestReady']);
    expect(statesThat(isActive)).toEqual(['Ready', 'Reserved', 'Allocated']);
    expect(statesThat(isTerminal)).toEqual(['Shutdown', 'Error', 'Unhealthy']);
  });

  it('tells the address of one that runs elsewhere', () => {
    expect(devAddressOf(inState('Ready'))).toBe('');
    expect(devAddressOf(inState('Ready', { annotations: { 'agones.dev/dev-address': '10.0.0.1' } }))).toBe('10.0.0.1');
  });
});
