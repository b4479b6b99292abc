import type { OpenApiDocument } from './openapi.ts';

/** The part of JSON Schema that our schemas come out as. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: readonly string[];
  anyOf?: readonly Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
}

/**
 * TypeScript types of schemas of the document, for programs that know the API by its types alone.
 *
 * @param names - of the document's components, each exported under its own name
 * @throws Error when one is not there, or is of a kind that was not needed so far
 */
export function typesOf(document: OpenApiDocument, names: readonly string[]): string {
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema | undefined>;
  return names
    .map((name) => {
      const schema = schemas[name];
      if (schema === undefined) throw new Error(`the document has no schema ${name}`);
      const comment = commentOf(schema, '');
      const isInterface = schema.properties !== undefined;
      return `${comment}export ${isInterface ? 'interface' : 'type'} ${name}${isInterface ? ' ' : ' = '}${typeOf(schema, '')}${isInterface ? '' : ';'}\n`;
    })
    .join('\n');
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, anyOf, items, properties, additionalProperties } = schema;
  if ($ref !== undefined) return $ref.slice($ref.lastIndexOf('/') + 1);
  if (schema.enum !== undefined) return schema.enum.map((value) => `'${value}'`).join(' | ');
  if (anyOf !== undefined) return anyOf.map((each) => typeOf(each, indent)).join(' | ');
  if (properties !== undefined) return objectType(schema, indent);
  if (type === 'string' || type === 'boolean') return type;
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'array') return arrayOf(typeOf(items ?? {}, indent));
  if (type === 'object' && typeof additionalProperties === 'object') {
    return `Record<string, ${typeOf(additionalProperties, indent)}>`;
  }
  throw new Error(`no type is written for ${JSON.stringify(schema)}`);
}

function objectType({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties).map(([name, member]) => {
    const mark = required.includes(name) ? '' : '?';
    return `${commentOf(member, inner)}${inner}${name}${mark}: ${typeOf(member, inner)};\n`;
  });
  return `{\n${members.join('')}${indent}}`;
}

function arrayOf(item: string): string {
  return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
}

function commentOf({ description }: Schema, indent: string): string {
  return description === undefined ? '' : `${indent}/** ${description} */\n`;
}
