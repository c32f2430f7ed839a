import { experimentAggregateRefreshDirty } from '../../src/store/write/aggregates/aggregates.ts'
import type { Db } from '../../src/store/pool.ts'

/* The rows on which two replays of recorded traffic have to agree. */

const tables = [
  'comparative_experiments',
  'dataset_tags',
  'datasets',
  'dead_letters',
  'examples',
  'experiment_aggregates',
  'experiments',
  'feedback',
  'feedback_configs',
  'run_items',
  'runs',
  'traces',
]

/** Columns that say when something was received, or depend on it. */
const receipts =
  /^(?:tenant_id|created_at|updated_at|deleted_at|valid_from|valid_to|version_at|as_of|example_version|fv|m|.*_v)$/

interface Named {
  id: string
  name: string
}

/**
 * Returns the rows of a tenant by table, without what depends on when they were received, sorted.
 * @param asRecorded puts the recorder's ids in place of those that the server gave
 */
export async function replayedRows(
  db: Db,
  tenantId: string,
  asRecorded: (text: string) => string,
): Promise<Record<string, unknown[]>> {
  const experiments = await db<Named[]>`
    select id, name from experiments where tenant_id = ${tenantId}`
  const datasets = await db<Named[]>`select id, name from datasets where tenant_id = ${tenantId}`
  await experimentAggregateRefreshDirty(
    db,
    tenantId,
    experiments.map(({ id }) => id),
  )
  const rows: Record<string, unknown[]> = {}
  for (const table of tables) {
    const found = await db<{ row: string }[]>`
      select to_json(t)::text as row from ${db(table)} as t where tenant_id = ${tenantId}`
    const texts = found.map(({ row }) => {
      // A version has more digits than a number keeps.
      const values = JSON.parse(row.replace(/"v":(\d+)/, '"v":"$1"')) as Record<string, unknown>
      const kept = Object.entries(values)
        .filter(([column]) => !receipts.test(column) && !isReceipt(table, column))
        .map(([column, value]) => [column, column === 'v' ? versionOf(String(value)) : value])
      let text = asRecorded(JSON.stringify(Object.fromEntries(kept)))
      // Experiments and datasets that were made by naming them have ids that no recording knows.
      for (const { id, name } of [...experiments, ...datasets]) text = text.replaceAll(id, name)
      return text
    })
    rows[table] = texts.toSorted().map((text) => JSON.parse(text) as unknown)
  }
  return rows
}

/** When the recordings were made. The test clock is set long before. */
const recordedAt = BigInt(Date.UTC(2026, 10, 21))

/**
 * Returns the rank and time of a version (domain/events.ts) where they are the client's. The hash is left out,
 * because it is of a text that holds ids that the server gave.
 */
function versionOf(version: string): string {
  const ms = (BigInt(version) >> 20n) & (2n ** 42n - 1n)
  return ms < recordedAt ? 'received' : String(BigInt(version) >> 20n)
}

/**
 * True for columns that depend on when something was received. An experiment starts when it is made, and the id of a
 * run item is derived from that of its experiment.
 */
function isReceipt(table: string, column: string): boolean {
  return (
    (table === 'experiments' && column === 'start_time') ||
    (table === 'run_items' && column === 'id')
  )
}

/** Shuffles by Fisher and Yates with a small generator (mulberry32), so that a seed always gives one order. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  const copy = [...list]
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  }
  return copy
}
