import type { Container } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ImagePrograms } from './image-programs.ts';
import { PodConfigurationError, variablesOf } from './pod-configuration.ts';
import { initContainersOf } from './pod-status.ts';
import type { PodVolumes } from './volumes.ts';

/** Why a container cannot start yet, as its status and an event show it. */
export interface StartObstacle {
  container: string;
  /** Of the waiting state. */
  reason: string;
  eventReason: string;
  message: string;
}

/** All containers of a Pod, in the order they start. */
export function containersOf(pod: Pod): Container[] {
  return [...initContainersOf(pod), ...pod.spec.containers];
}

/**
 * What keeps a Pod from starting: a volume without its source, an image no program stands for, a variable from nowhere.
 *
 * Projects the volumes on the way.
 */
export function findStartObstacles(
  pod: Pod,
  volumes: PodVolumes,
  { store, images }: { store: ObjectStore; images: ImagePrograms },
): StartObstacle[] {
  const containers = containersOf(pod);
  const mountFault = faultOf(() => {
    volumes.project();
  });
  if (mountFault !== undefined) {
    return containers.map(({ name }) => ({
      container: name,
      reason: 'ContainerCreating',
      eventReason: 'FailedMount',
      message: mountFault,
    }));
  }
  return containers.flatMap((container): StartObstacle[] => {
    const { name, image } = container;
    if (!images.has(image)) {
      const message =
        `no program stands for image ${image} on this machine: start again with ` +
        `--command '${image}=PROGRAM ARGUMENTS' (or name one in LOCAL_IMAGES)`;
      return [{ container: name, reason: 'ErrImagePull', eventReason: 'Failed', message }];
    }
    const fault = faultOf(() => variablesOf(store, pod, container));
    if (fault === undefined) return [];
    return [{ container: name, reason: 'CreateContainerConfigError', eventReason: 'Failed', message: fault }];
  });
}

function faultOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (!(error instanceof PodConfigurationError)) throw error;
    return error.message;
  }
}
