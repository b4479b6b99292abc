import {
  OPEN,
  anyFields,
  fields,
  flag,
  integer,
  integerOrText,
  listOf,
  mapOf,
  templateMetadata,
  text,
  textMap,
} from './schema-parts.ts';
import type { SchemaPart } from './schema-parts.ts';

/** A quantity of Kubernetes: a decimal number with an exponent, or a suffix such as `m`, `k`, `Mi`. */
const QUANTITY_PATTERN =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

const quantities = (description: string): SchemaPart =>
  mapOf(description, integerOrText('An amount, e.g. `500m` or `64Mi`.', { pattern: QUANTITY_PATTERN }));

function keyReference(description: string): SchemaPart {
  return fields(
    description,
    {
      name: text('Name of the object the value is read from.'),
      key: text('The key in its data.'),
      optional: flag('Whether the container may start without the object or the key.'),
    },
    { required: ['key'] },
  );
}

const environmentVariable = fields(
  'A variable of the environment of the process.',
  {
    name: text('Name of the variable.'),
    value: text('Its value. `$(OTHER)` stands for a variable defined before.'),
    valueFrom: fields(
      'Where the value comes from, when it is not given.',
      {
        configMapKeyRef: keyReference('A key of a ConfigMap.'),
        secretKeyRef: keyReference('A key of a Secret.'),
        fieldRef: fields(
          'A field of the Pod.',
          { apiVersion: text('Version the path is written for.'), fieldPath: text('The path, e.g. `metadata.name`.') },
          { required: ['fieldPath'] },
        ),
      },
      OPEN,
    ),
  },
  { required: ['name'] },
);

const volumeMount = fields(
  'A volume and where the container finds it.',
  {
    name: text('Name of the volume.'),
    mountPath: text('Where the container sees it.'),
    subPath: text('The path in the volume to mount in place of its root.'),
    readOnly: flag('Whether the container may only read it.'),
  },
  { required: ['name', 'mountPath'], ...OPEN },
);

const container = fields(
  'A container of the Pod.',
  {
    name: text('Name of the container, once in the Pod.'),
    image: text('The image. On one machine no image is pulled: it names what to run where no command does.'),
    imagePullPolicy: text('When to pull the image: Always, IfNotPresent or Never.'),
    command: listOf('The program to run and its first arguments.', { type: 'string' }),
    args: listOf('Arguments after the command.', { type: 'string' }),
    workingDir: text('The directory the process starts in.'),
    env: listOf('Variables of the environment, in order.', environmentVariable),
    envFrom: listOf('ConfigMaps and Secrets whose every key becomes a variable.', anyFields('One source.')),
    volumeMounts: listOf('Volumes the container sees.', volumeMount),
    ports: listOf('Ports the container opens; those of the GameServer are added.', anyFields('One port.')),
    resources: fields(
      'What the container asks for and may use at most.',
      { limits: quantities('The most it may use.'), requests: quantities('What it is given at least.') },
      OPEN,
    ),
    restartPolicy: text('For an init container: `Always` makes it run beside the others.'),
    livenessProbe: anyFields('How to tell that the container is alive. Replaces the health check of the GameServer.'),
    readinessProbe: anyFields('How to tell that the container is ready.'),
  },
  { required: ['name'], ...OPEN },
);

const volume = fields(
  'A volume the containers can mount.',
  {
    name: text('Name of the volume, once in the Pod.'),
    configMap: anyFields('Files from a ConfigMap.'),
    secret: anyFields('Files from a Secret.'),
    emptyDir: anyFields('A directory that is empty at first and goes with the Pod.'),
  },
  { required: ['name'], ...OPEN },
);

/** `spec` of a Pod: the fields that mean something on one machine, the others kept as they are. */
export const podSpecSchema: SchemaPart = fields(
  'What to run.',
  {
    containers: listOf('The containers. One of them is the game server.', container),
    initContainers: listOf('Containers that run before the others, or beside them.', container),
    volumes: listOf('Volumes the containers can mount.', volume),
    terminationGracePeriodSeconds: integer('How long a process has to end after SIGTERM, in seconds.'),
    restartPolicy: text('What to do with a container that ended. Never, for a GameServer.'),
    serviceAccountName: text('The account the Pod runs as.'),
    nodeName: text('The Node it runs on.'),
    hostname: text('Its host name.'),
    nodeSelector: textMap('Labels a Node must have to run it.'),
  },
  { required: ['containers'], ...OPEN },
);

/** The template of the Pod of a GameServer. */
export const podTemplateSchema: SchemaPart = {
  description: 'The Pod to run for the GameServer.',
  type: 'object',
  properties: { metadata: templateMetadata('Labels and annotations of the Pod.'), spec: podSpecSchema },
};
