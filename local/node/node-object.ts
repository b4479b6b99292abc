import { release } from 'node:os';
import type { Clock } from '../../lib/clock.ts';
import { asJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { ObjectStore } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import type { Node } from '../controllers/pods.ts';
import { toTimestamp } from '../controllers/timestamps.ts';

export interface NodeObjectOptions {
  store: ObjectStore;
  clock: Clock;
  /** The recorder of `kubelet`. */
  record: RecordEvent;
  nodeName: string;
  address: string;
  maxPods: number;
}

const UNREACHABLE_TAINT = 'node.kubernetes.io/unreachable';

/** Makes the Node that stands for this machine. */
export function registerNode({ store, clock, nodeName, address, maxPods }: NodeObjectOptions): void {
  store.create<Node>('nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
  });
  const pods = String(maxPods);
  const status = {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: nodeName },
    ],
    capacity: { pods },
    allocatable: { pods },
    conditions: [readyCondition('True', clock.nowMs())],
    nodeInfo: {
      architecture: process.arch,
      operatingSystem: process.platform,
      osImage: process.platform,
      kernelVersion: release(),
      kubeletVersion: 'regatta',
      containerRuntimeVersion: `process://${process.version.slice(1)}`,
    },
  };
  store.modify<Node>(
    'nodes',
    '',
    nodeName,
    (node) => {
      node.status = status;
    },
    { subresource: 'status' },
  );
}

/**
 * Tells of a Node that is heard of no more, or again: its condition, its taints, an event.
 *
 * Source: Kubernetes 1.34, `pkg/controller/nodelifecycle`.
 */
export function tellNodeReady(options: NodeObjectOptions, { isReady }: { isReady: boolean }): void {
  const { store, clock, record, nodeName } = options;
  const nowMs = clock.nowMs();
  store.modify<Node & { spec?: JsonObject }>('nodes', '', nodeName, (node) => {
    const spec = asJsonObject(node.spec);
    const others = (Array.isArray(spec['taints']) ? spec['taints'] : []).filter(
      (taint) => asJsonObject(taint)['key'] !== UNREACHABLE_TAINT,
    );
    const taints = isReady ? others : [...others, ...unreachableTaints(nowMs)];
    node.spec = { ...spec, taints };
  });
  const node = store.modify<Node>(
    'nodes',
    '',
    nodeName,
    (copy) => {
      copy.status = { ...copy.status, conditions: [readyCondition(isReady ? 'True' : 'Unknown', nowMs)] };
    },
    { subresource: 'status' },
  );
  if (node === undefined) return;
  const word = isReady ? 'NodeReady' : 'NodeNotReady';
  record(node, 'Normal', word, `Node ${nodeName} status is now: ${word}`);
}

function readyCondition(status: 'True' | 'Unknown', nowMs: number): object {
  const reason = status === 'True' ? 'LocalReady' : 'NodeStatusUnknown';
  return { type: 'Ready', status, reason, lastTransitionTime: toTimestamp(nowMs) };
}

function unreachableTaints(nowMs: number): JsonObject[] {
  const timeAdded = toTimestamp(nowMs);
  return ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE_TAINT, effect, timeAdded }));
}
