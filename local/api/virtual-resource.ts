import type { JsonObject } from './json.ts';
import type { ResourceDefinition } from './resource.ts';

/** A resource nothing is stored of: one can only create it, and the answer is computed. */
export interface VirtualResource {
  definition: ResourceDefinition;
  /**
   * Who serves it on a cluster. An extension API server, the way Agones serves GameServerAllocations, answers a body that
   * cannot be decoded, or whose kind is another, with status 500 and plain text before `create` is called, every method
   * but POST with 405 and plain text, and passes over queries, a dry run too. Kubernetes itself answers as it does for
   * what it stores.
   */
  servedBy: 'extension' | 'kubernetes';
  /**
   * @param body - the decoded object, of the right `apiVersion` and `kind` where it names them; nothing else about it
   *   was looked at
   * @returns the object to answer with status 201
   * @throws StatusError to answer a `Status`, PlainTextRefusal to answer bare text
   */
  create(namespace: string, body: Readonly<JsonObject>): Promise<object>;
}

/** An answer in plain text in place of a `Status`, as an extension API server gives for its own faults. */
export class PlainTextRefusal extends Error {
  readonly code: number;

  /** @param text - sent with a line end after it */
  constructor(code: number, text: string) {
    super(text);
    this.name = 'PlainTextRefusal';
    this.code = code;
  }
}
