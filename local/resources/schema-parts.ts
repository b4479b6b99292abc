/** A piece of an OpenAPI v3 schema, in the words a CustomResourceDefinition uses. */
export type SchemaPart = Readonly<Record<string, unknown>>;

/** A string; `limits` are further keywords of the schema such as `enum` or `pattern`. */
export function text(description: string, limits: SchemaPart = {}): SchemaPart {
  return { type: 'string', description, ...limits };
}

/** A whole number. */
export function integer(description: string, limits: SchemaPart = {}): SchemaPart {
  return { type: 'integer', description, ...limits };
}

/** `true` or `false`. */
export function flag(description: string): SchemaPart {
  return { type: 'boolean', description };
}

/** A whole number, or text such as `25%`. */
export function integerOrText(description: string, limits: SchemaPart = {}): SchemaPart {
  return {
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    description,
    ...limits,
  };
}

/** An object with the named fields; others are pruned unless `limits` keeps them. */
export function fields(
  description: string,
  properties: Readonly<Record<string, SchemaPart>>,
  limits: SchemaPart = {},
): SchemaPart {
  return { type: 'object', description, properties, ...limits };
}

/** An object whose keys are free and whose values are alike. */
export function mapOf(description: string, values: SchemaPart, limits: SchemaPart = {}): SchemaPart {
  return { type: 'object', description, additionalProperties: values, ...limits };
}

/** An object from text to text, as labels and annotations are. */
export function textMap(description: string): SchemaPart {
  return mapOf(description, { type: 'string' });
}

/** A list of items that are alike. */
export function listOf(description: string, items: SchemaPart, limits: SchemaPart = {}): SchemaPart {
  return { type: 'array', description, items, ...limits };
}

/** An object of which nothing more is said: every field is kept. */
export function anyFields(description: string): SchemaPart {
  return { type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true };
}

/** Keeps the fields an object's schema does not name. */
export const OPEN: SchemaPart = { 'x-kubernetes-preserve-unknown-fields': true };

/** `null` may stand for the value. */
export const NULLABLE: SchemaPart = { nullable: true };

/** `metadata` of a template: what an object made from it will carry. */
export function templateMetadata(description: string): SchemaPart {
  return fields(description, {
    name: text('Ignored: the names of what is made from a template are generated.'),
    generateName: text('Ignored: the prefix is the name of the owner.'),
    namespace: text('Ignored: what is made lives in the namespace of its owner.'),
    labels: textMap('Labels to put on what is made from the template.'),
    annotations: textMap('Annotations to put on what is made from the template.'),
    finalizers: listOf('Finalizers to put on what is made from the template.', { type: 'string' }),
    creationTimestamp: text('Always empty in a template.', { format: 'date-time', nullable: true }),
  });
}
