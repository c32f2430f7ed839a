import { Readable } from 'node:stream'
import { stringifyWithRaw } from '../../domain/json.ts'

/**
 * An object whose last member is a list of any length, written page by page: no answer sits in memory whole.
 * @param head the other members, at least one
 * @param first the first page, read beforehand so that a failure can still be answered as one
 * @param next the page after a row; an empty one ends the list
 */
export function streamList<Row>(
  head: Record<string, unknown>,
  key: string,
  first: Row[],
  next: (last: Row) => Promise<Row[]>,
  answer: (row: Row) => unknown,
): Readable {
  async function* parts() {
    yield `${stringifyWithRaw(head).slice(0, -1)},${JSON.stringify(key)}:[`
    let separator = ''
    for (let rows = first; rows.length > 0; rows = await next(rows.at(-1)!)) {
      yield separator + rows.map((row) => stringifyWithRaw(answer(row))).join(',')
      separator = ','
    }
    yield ']}'
  }
  return Readable.from(parts())
}
