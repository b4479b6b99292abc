import type { KubernetesObject } from '../../lib/agones.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { asJsonObject } from '../api/json.ts';
import { coreResource } from './core-resource.ts';
import { invalidValue, textOf } from './field-faults.ts';
import { computedColumn, readText } from './printer-columns.ts';
import { OPEN, anyFields, fields, integer, text } from './schema-parts.ts';

const time = (description: string) => text(description, { format: 'date-time', nullable: true });

/** Events of core/v1: what happened to an object, as `kubectl describe` lists it. */
export const eventDefinition: ResourceDefinition = coreResource({
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  columns: [
    computedColumn('Last Seen', 'How long ago it happened last.', lastSeen, { type: 'date' }),
    computedColumn('Type', 'Normal or Warning.', (event) => readText(event, 'type')),
    computedColumn('Reason', 'What happened, in a word.', (event) => readText(event, 'reason')),
    computedColumn('Object', 'What it happened to.', aboutWhat),
    computedColumn('Subobject', 'Which part of it.', (event) => readText(event, 'involvedObject.fieldPath'), {
      priority: 1,
    }),
    computedColumn('Source', 'Who saw it.', (event) => readText(event, 'source.component'), { priority: 1 }),
    computedColumn('Message', 'What happened.', (event) => readText(event, 'message').trim()),
    computedColumn('First Seen', 'How long ago it happened first.', firstSeen, { type: 'date', priority: 1 }),
    computedColumn('Count', 'How often it happened.', timesSeen, { priority: 1 }),
    computedColumn('Name', 'Name of the event.', (event) => event.metadata.name, { priority: 1 }),
  ],
  selectable: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  schema: fields(
    'An Event: something that happened to an object.',
    {
      involvedObject: anyFields('What it happened to.'),
      reason: text('What happened, in a word.'),
      message: text('What happened, for people.'),
      type: text('Normal or Warning.'),
      count: integer('How often it happened.'),
      source: anyFields('Who saw it.'),
      firstTimestamp: time('When it happened first.'),
      lastTimestamp: time('When it happened last.'),
      eventTime: time('When it happened.'),
    },
    OPEN,
  ),
  applyDefaults(event) {
    event['involvedObject'] ??= {};
  },
  rules(event) {
    const about = textOf(asJsonObject(event['involvedObject'])['namespace']);
    const { namespace } = asJsonObject(event['metadata']);
    // What is of no namespace is told of in the default one.
    if ((about === '' ? 'default' : about) === namespace) return [];
    return [invalidValue('involvedObject.namespace', about, 'must be the namespace of the event')];
  },
});

function lastSeen(event: KubernetesObject): string | null {
  return readText(event, 'lastTimestamp') || readText(event, 'eventTime') || event.metadata.creationTimestamp || null;
}

function firstSeen(event: KubernetesObject): string | null {
  return readText(event, 'firstTimestamp') || lastSeen(event);
}

function timesSeen(event: KubernetesObject): string {
  return readText(event, 'count') || '1';
}

function aboutWhat(event: KubernetesObject): string {
  return `${readText(event, 'involvedObject.kind').toLowerCase()}/${readText(event, 'involvedObject.name')}`;
}
