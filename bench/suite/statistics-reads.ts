import { fromEpochMs } from '../../src/domain/timestamp.ts'
import type { Db } from '../../src/store/pool.ts'
import type { History } from '../history/rows.ts'
import { changesStartMs } from './changes.ts'

/**
 * Measures GET /sessions/{id}?include_stats right after writes, in milliseconds each. Every answer is compared with the rows.
 * @param write writes so many events into the project
 */
export async function readStatistics(
  db: Db,
  url: string,
  { tenantId, secret, projectId }: History,
  write: (count: number) => Promise<void>,
  { reads, eventsBetween }: { reads: number; eventsBetween: number },
): Promise<number[]> {
  const times: number[] = []
  const ask = async (): Promise<number> => {
    const answer = await fetch(`${url}/sessions/${projectId}?include_stats=true`, {
      headers: { 'x-api-key': secret },
    })
    if (answer.status !== 200) throw new Error(await answer.text())
    return ((await answer.json()) as { run_count: number }).run_count
  }
  const countNew = async (): Promise<number> => {
    const [row] = await db<{ n: number }[]>`
      select count(*)::integer as n from runs where tenant_id = ${tenantId} and experiment_id = ${projectId}
        and parent_run_id is null and start_time >= ${fromEpochMs(changesStartMs)}`
    return row!.n
  }
  const before = (await ask()) - (await countNew())
  for (let i = 0; i < reads; i++) {
    await write(eventsBetween)
    const begun = performance.now()
    const shown = await ask()
    times.push(performance.now() - begun)
    const expected = before + (await countNew())
    if (shown !== expected) throw new Error(`${shown} runs are shown, and ${expected} are there`)
  }
  return times
}
