/** The writer of google-protobuf, as far as maps need it. */
interface BinaryWriter {
  writeMessage(field: number, value: object, write: (value: object, writer: BinaryWriter) => void): void;
}

type FieldWriter = (this: BinaryWriter, field: number, value: unknown, writeMessage?: unknown) => void;

const KEY_FIELD = 1;
const VALUE_FIELD = 2;

/**
 * Gives a map of a generated message the method by which generated code writes it.
 *
 * The SDK package pins google-protobuf 4.0.1, whose `Map` has lost `serializeBinary` though the package's own generated
 * code calls it: games only ever read maps, a server has to write them. A map field is on the wire a repeated message
 * with the key as field 1 and the value as field 2 (Protocol Buffers, "Maps: backwards compatibility").
 */
export function makeSerializable(map: Map<string, unknown>): void {
  Object.defineProperty(map, 'serializeBinary', {
    configurable: true,
    value(field: number, writer: BinaryWriter, writeKey: FieldWriter, writeValue: FieldWriter, writeMessage?: unknown) {
      for (const [key, value] of map.entries()) {
        writer.writeMessage(field, {}, (_entry, entryWriter) => {
          writeKey.call(entryWriter, KEY_FIELD, key);
          writeValue.call(entryWriter, VALUE_FIELD, value, writeMessage);
        });
      }
    },
  });
}
