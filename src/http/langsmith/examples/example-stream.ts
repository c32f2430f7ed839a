import { Readable } from 'node:stream'
import { stringifyWithRaw } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import { exampleList, type Example } from '../../../store/read/datasets/examples.ts'

/** Examples read in one go: payloads may be large. */
const pageSize = 100

/** A dataset as it was at a time, newest changes first, page by page: later changes are not seen. */
export async function* examplesAt(
  db: Db,
  tenantId: string,
  datasetId: string,
  time: Timestamp,
): AsyncGenerator<Example> {
  const query = {
    tenantId,
    filter: { datasetId, archived: false },
    asOf: time,
    limit: pageSize,
    offset: 0,
  }
  let after: Example | null = null
  for (;;) {
    const page: Example[] = await exampleList(db, { ...query, after })
    yield* page
    if (page.length < pageSize) return
    after = page.at(-1)!
  }
}

/** What one version of a dataset brought, in the order in which it was written, as a JSON array of any length. */
export function streamVersion(
  db: Db,
  tenantId: string,
  datasetId: string,
  version: Timestamp,
  answer: (example: Example) => unknown,
): Readable {
  async function* parts(): AsyncGenerator<string> {
    let separator = '['
    for await (const example of examplesAt(db, tenantId, datasetId, version)) {
      // Newest first: what comes now was there before.
      if (example.validFrom !== version) break
      yield separator + stringifyWithRaw(answer(example))
      separator = ','
    }
    yield separator === '[' ? '[]' : ']'
  }
  return Readable.from(parts())
}
