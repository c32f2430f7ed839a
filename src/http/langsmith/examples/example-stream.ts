import type { Readable } from 'node:stream'
import { stringifyWithRaw } from '../../../domain/raw-json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { exampleList } from '../../../store/read/datasets/examples.ts'
import { streamOf } from '../../reads.ts'

/** Examples that are read by one query; payloads may be large. */
const pageSize = 100

/** The examples of a dataset as of a time, newest changes first, read page by page. Later changes are not seen. */
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

/** The examples that one version of a dataset wrote, in the order they were written, streamed as a JSON array. */
export function streamVersion(
  db: Db,
  tenantId: string,
  datasetId: string,
  version: Timestamp,
  answer: (example: Example) => unknown,
): Readable {
  async function* texts(): AsyncGenerator<string> {
    let separator = '['
    for await (const example of examplesAt(db, tenantId, datasetId, version)) {
      // Examples come newest first, so all that follow are from earlier versions.
      if (example.validFrom !== version) break
      yield separator + stringifyWithRaw(answer(example))
      separator = ','
    }
    yield separator === '[' ? '[]' : ']'
  }
  return streamOf(texts())
}
