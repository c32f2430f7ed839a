import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A field of any message: what it holds is a message itself, or bytes. */
interface Field {
  number: number
  wireType: WireType
  value: Field[] | Buffer
}

/**
 * Changes one field of a message at any depth and writes the message again, so that all lengths around it are right:
 * changes of single bytes seldom reach what is inside. Bytes that are no message stay as they are.
 * @param at which field, 0 to 1
 * @param isLying the field keeps its old length
 */
export function mutateProtobuf(
  bytes: Buffer,
  at: number,
  value: Buffer,
  { isLying }: { isLying: boolean },
): Buffer {
  const fields = readFields(bytes)
  if (fields === null) return bytes
  const all = flatten(fields)
  const chosen = all[Math.floor(at * all.length)]
  if (chosen === undefined) return bytes
  return Buffer.from(write(fields, chosen, value, isLying).finish())
}

function readFields(bytes: Uint8Array): Field[] | null {
  const reader = new BinaryReader(bytes)
  const fields: Field[] = []
  try {
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag()
      const from = reader.pos
      if (wireType === WireType.LengthDelimited) {
        const content = Buffer.from(reader.bytes())
        fields.push({
          number,
          wireType,
          value: (content.length > 1 ? readFields(content) : null) ?? content,
        })
      } else {
        reader.skip(wireType, number)
        fields.push({ number, wireType, value: Buffer.from(bytes.subarray(from, reader.pos)) })
      }
    }
  } catch {
    return null
  }
  return fields
}

function flatten(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => [
    field,
    ...(Array.isArray(field.value) ? flatten(field.value) : []),
  ])
}

function write(
  fields: readonly Field[],
  chosen: Field,
  replacement: Buffer,
  isLying: boolean,
): BinaryWriter {
  const writer = new BinaryWriter()
  for (const field of fields) {
    const { number, wireType, value } = field
    writer.tag(number, wireType)
    const old = Array.isArray(value)
      ? Buffer.from(write(value, chosen, replacement, isLying).finish())
      : value
    const content = field === chosen ? replacement : old
    if (wireType === WireType.LengthDelimited) {
      writer.uint32(field === chosen && isLying ? old.length : content.length)
    }
    writer.raw(content)
  }
  return writer
}
