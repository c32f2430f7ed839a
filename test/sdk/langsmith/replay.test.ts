import { beforeEach, describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { replayedRows, shuffled } from '../../support/replayed-rows.ts'
import { kindOf, readTraffic, startReplay, type RecordedRequest } from './traffic.ts'

/**
 * Sends again what the real SDKs sent to a recorder. SPEC I2 Once and I3 Order-free, from the request to the row: the
 * rows are the same whatever order the data arrived in, and however often.
 */

const day = 24 * 60 * 60 * 1000

let h: Harness

beforeEach(async () => {
  h = await harness()
})

describe.each(['js-0.10.11', 'py-0.14.0'])('traffic of langsmith %s', (recording) => {
  const traffic = readTraffic(recording)
  const only = (...kinds: ReturnType<typeof kindOf>[]) =>
    traffic.filter((request) => kinds.includes(kindOf(request)))

  test('every request is answered as the SDK needs it', async () => {
    const replay = startReplay(h, h.tenant)
    const differing: object[] = []
    for (const request of traffic) {
      const answer = await replay.send(request)
      if (answer.status !== request.status) differing.push({ ...answer, wanted: request.status })
      await h.drain()
    }
    expect(differing).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('the rows are the same in the recorded order, shuffled, and sent three times', async () => {
    const asRecorded = await rowsAfter(only('control', 'data', 'change'))
    expect(Object.values(asRecorded).flat().length).toBeGreaterThan(20)
    const orders: [string, RecordedRequest[]][] = [
      ['three times', only('data').flatMap((request) => [request, request, request])],
      ['backwards', only('data').toReversed()],
      ['shuffled', shuffled(only('data'), 1)],
      ['three times, shuffled', shuffled([...only('data'), ...only('data'), ...only('data')], 4)],
    ]
    for (const [name, data] of orders) {
      const rows = await rowsAfter([...only('control'), ...data, ...only('change')])
      expect(rows, name).toEqual(asRecorded)
    }
    const received = asRecorded.runs!.filter((run) => (run as { v: string }).v === 'received')
    expect(received).toEqual([])
  })

  test('what the recorded deletions leave does not depend on the order before', async () => {
    const deletions = [...only('change'), ...only('delete')]
    const asRecorded = await rowsAfter([...only('control', 'data'), ...deletions])
    const data = shuffled([...only('data'), ...only('data')], 5)
    expect(await rowsAfter([...only('control'), ...data, ...deletions])).toEqual(asRecorded)
  })
})

/**
 * Sends the requests to a tenant of their own, later than before.
 * @returns the rows that are left, by table
 */
async function rowsAfter(requests: RecordedRequest[]): Promise<Record<string, unknown[]>> {
  const tenant = await h.addTenant()
  h.clock.advance(day)
  const replay = startReplay(h, tenant)
  for (const request of requests) {
    const answer = await replay.send(request)
    expect(answer).toMatchObject({ status: request.status })
  }
  await h.drain()
  const rows = await replayedRows(h.db, tenant.id, replay.asRecorded)
  expect(h.errors).toEqual([])
  return rows
}
