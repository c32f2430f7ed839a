import type { FreshStore } from '../fresh-store.ts'
import type { History } from '../history/rows.ts'
import { openFloor } from '../ingest-floor.ts'
import { makeRequests, makeRuns } from '../ingest-requests.ts'
import { sendPrepared } from '../prepared-requests.ts'
import { withServer } from '../server-process.ts'
import { runsPerRequest, seconds, settle, untilReadable } from './ingest-passes.ts'
import { spreadOf } from './spread.ts'

const requestsAtOnce = 8

/**
 * Measures runs accepted and readable, per second, in one process, beside what is stored already; and the floor, in
 * passes that alternate. What it writes stays.
 */
export async function measureIngestInto(
  store: FreshStore,
  { tenantId, secret }: History,
  { runs, passes }: { runs: number; passes: number },
): Promise<{ floor: number; endToEnd: number; ratio: number }> {
  const { db, databaseUrl } = store
  await db`drop table if exists bench_floor`
  const floor = await openFloor(databaseUrl)
  const seen: { floor: number; endToEnd: number }[] = []
  const tenant = {
    id: tenantId,
    name: 'bench',
    publicKey: '',
    secretKey: secret,
    basic: `Bearer ${secret}`,
  }
  await withServer(store, {}, async ({ url }) => {
    for (let pass = -1; pass < passes; pass++) {
      await settle(db)
      await db`truncate bench_floor`
      const write = floor.prepare(makeRuns(runs))
      const floorSeconds = await seconds(write)
      const project = `bench-${pass}`
      const options = { perRequest: runsPerRequest, tenant, project }
      const requests = makeRequests('batch', makeRuns(runs), options)
      const taken = await seconds(async () => {
        await sendPrepared(url, requests, requestsAtOnce)
        await untilReadable(db, tenantId, requests)
      })
      if (pass >= 0) seen.push({ floor: runs / floorSeconds, endToEnd: runs / taken })
    }
  })
  await floor.close()
  await db`drop table bench_floor`
  return {
    floor: spreadOf(seen.map((pass) => pass.floor)).median,
    endToEnd: spreadOf(seen.map((pass) => pass.endToEnd)).median,
    ratio: spreadOf(seen.map((pass) => pass.endToEnd / pass.floor)).median,
  }
}
