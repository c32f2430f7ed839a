import type { Readable } from 'node:stream'
import { stringifyWithRaw } from '../../domain/raw-json.ts'
import { streamOf } from '../reads.ts'

/**
 * Streams an object whose last member is a list of any length. Only one page of it is in memory at a time.
 * @param head the other members, at least one
 * @param key the name of the list
 * @param first the first page, read before the answer begins so that a failure can still be answered as an error
 * @param next reads the page after a row; an empty page ends the list
 */
export function streamList<Row>(
  head: Record<string, unknown>,
  key: string,
  first: Row[],
  next: (last: Row) => Promise<Row[]>,
  answer: (row: Row) => unknown,
): Readable {
  async function* texts() {
    yield `${stringifyWithRaw(head).slice(0, -1)},${JSON.stringify(key)}:[`
    let separator = ''
    for (let rows = first; rows.length > 0; rows = await next(rows.at(-1)!)) {
      yield separator + rows.map((row) => stringifyWithRaw(answer(row))).join(',')
      separator = ','
    }
    yield ']}'
  }
  return streamOf(texts())
}
