import { beforeEach, describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { replayedRows, shuffled } from '../../support/replayed-rows.ts'
import { kindOf, readTraffic, startReplay, type RecordedRequest } from './traffic.ts'

/**
 * Sends again what the real SDKs sent to a recorder. SPEC I2 Once and I3 Order-free, from the request to the row: the
 * rows are the same whatever order the data arrived in, and however often.
 *
 * Some requests are not shuffled: datasets and items, which are read back before anything refers to them; deletions;
 * and, for each run whose id later requests name, the link that made it, because nobody knows the id before (it is sent
 * again among the others).
 */

const day = 24 * 60 * 60 * 1000

let h: Harness

beforeEach(async () => {
  h = await harness()
})

describe.each(['js-5.11.1', 'js-5.11.1-versioned', 'js-3.39.2', 'py-4.14.3', 'py-3.15.0'])(
  'traffic of langfuse %s',
  (name) => {
    const recording = readTraffic(name)
    const { requests } = recording
    const only = (...kinds: ReturnType<typeof kindOf>[]) =>
      requests.filter((request) => kinds.includes(kindOf(request)))
    const data = only('data')
    const first = [...only('control'), ...runMakers(data)]

    test('every request is answered as the SDK needs it', async () => {
      const replay = startReplay(h, h.tenant, recording)
      const differing: object[] = []
      for (const request of requests) {
        const answer = await replay.send(request)
        if (answer.status !== request.status || !isTakenWhole(request, answer.text)) {
          differing.push({ ...answer, wanted: request.status })
        }
        await h.drain()
      }
      expect(differing).toEqual([])
      expect(h.errors).toEqual([])
    })

    test('the rows are the same in the recorded order, shuffled, and sent three times', async () => {
      const asRecorded = await rowsAfter(only('control', 'data'))
      expect(Object.values(asRecorded).flat().length).toBeGreaterThan(4)
      expect(asRecorded.dead_letters).toEqual([])
      const orders: [string, RecordedRequest[]][] = [
        ['three times', data.flatMap((request) => [request, request, request])],
        ['backwards', data.toReversed()],
        ['shuffled', shuffled(data, 1)],
        ['shuffled, reads in between', shuffled([...data, ...only('read')], 3)],
        ['three times, shuffled', shuffled([...data, ...data, ...data], 4)],
      ]
      for (const [order, list] of orders) {
        expect(await rowsAfter([...first, ...list]), order).toEqual(asRecorded)
      }
    })

    test('what the recorded deletions leave does not depend on the order before, nor on data that arrive late', async () => {
      const deletions = only('delete')
      const asRecorded = await rowsAfter([...only('control', 'data'), ...deletions])
      const orders = {
        shuffled: [...shuffled([...data, ...data], 5), ...deletions],
        late: [...data, ...deletions, ...shuffled(data.filter(isNoLink), 6)],
      }
      for (const [order, list] of Object.entries(orders)) {
        expect(await rowsAfter([...first, ...list]), order).toEqual(asRecorded)
      }
    })

    /**
     * Sends the requests to a tenant of their own, later than before.
     * @returns the rows that are left, by table
     */
    async function rowsAfter(list: RecordedRequest[]): Promise<Record<string, unknown[]>> {
      const tenant = await h.addTenant()
      h.clock.advance(day)
      const replay = startReplay(h, tenant, recording)
      for (const request of list) {
        const { asked, status, text } = await replay.send(request)
        // A read that comes before the write of what it asks for finds nothing.
        if (kindOf(request) === 'read' && status === 404) continue
        expect({ asked, status, text }).toMatchObject({ status: request.status })
        expect(isTakenWhole(request, text), text).toBe(true)
      }
      await h.drain()
      const rows = await replayedRows(h.db, tenant.id, replay.asRecorded)
      expect(h.errors).toEqual([])
      return rows
    }
  },
)

/** Returns, for each run whose id later requests name, the first link to it. */
function runMakers(data: RecordedRequest[]): RecordedRequest[] {
  const ids = data.map(({ answer }) => answer?.datasetRunId)
  return data.filter((_, i) => ids[i] !== undefined && ids.indexOf(ids[i]) === i)
}

/** A link that arrives after the deletion of its run makes a new run, which is intended. */
function isNoLink({ path }: RecordedRequest): boolean {
  return !path.endsWith('/dataset-run-items')
}

/** A refused event makes the SDKs send its whole batch again (contracts/langfuse.md 5). */
function isTakenWhole({ path, body }: RecordedRequest, text: string): boolean {
  if (!path.endsWith('/ingestion')) return true
  const answer = JSON.parse(text) as { successes: { id: string }[]; errors: unknown[] }
  const { batch } = body as { batch: { id: string }[] }
  const taken = new Set(answer.successes.map(({ id }) => id))
  return answer.errors.length === 0 && batch.every(({ id }) => taken.has(id))
}
