import { parseArgs } from 'node:util'
import { withFreshStore } from '../fresh-store.ts'
import { measureIngest } from './ingest-passes.ts'
import { withRedis } from './redis.ts'
import { readResult, saveResult } from './results.ts'
import { spreadOf } from './spread.ts'
import { measureStatisticsGrowth } from './statistics-growth.ts'
import { tableText } from './table.ts'

/*
 * Ratios alone, because rates depend on the machine: each is the median of passes that alternate with what they are
 * compared with. Where one falls below 0.7 of the committed ratio (bench/results/smoke.json), they are measured again, up
 * to twice and longer, because the machine may have done something else, and the best counts. One that stays there ends
 * this with 1.
 *
 *   npm run bench -- --smoke [--only TEXT] [--save]
 *
 * --save always measures three times, and commits to the median of each ratio whose name has TEXT in it
 * (bench/results/smoke.json): one lucky measurement would be a bar that nothing reaches again.
 */

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, save: { type: 'boolean', default: false } },
})
const allowed = 0.7
const runs = 4000
const passes = 4
const attempts = 3

type Ratios = Record<string, number>

interface Measurement {
  name: string
  /** @param times how much longer than usual */
  measure(times: number): Promise<Ratios>
}

const measurements: Measurement[] = [
  { name: 'ingest, one process', measure: async (times) => ingest(undefined, times) },
  { name: 'ingest, Redis', measure: async (times) => ingest('own', times) },
  {
    name: 'ingest, one process, stock Postgres',
    measure: async (times) => ingest(undefined, times, '18'),
  },
  { name: 'statistics', measure: measureStatisticsGrowth },
]

const committed = readResult<{ ratios: Ratios }>('smoke')?.figures.ratios ?? {}
const rows: string[][] = []
const found: Ratios = {}
let failures = 0
for (const { name, measure } of measurements) {
  if (!name.includes(values.only) && !values.only.startsWith(`${name}:`)) continue
  console.error(name)
  const measured: Ratios[] = []
  let ratios: Ratios = {}
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const times = values.save ? 1 : attempt
    measured.push(prefixed(name, await measureOnce(async () => measure(times))))
    ratios = values.save ? combine(measured, median) : combine(measured, (all) => Math.max(...all))
    if (values.save) continue
    if (Object.keys(ratios).length > 0 && low(ratios).length === 0) break
    console.error(`${name}: ${low(ratios).join(', ') || 'failed'}`)
  }
  // One that could not be measured at all is missed here.
  if (Object.keys(ratios).length === 0) failures += 1
  if (values.save && measured.some((each) => Object.keys(each).length === 0)) {
    throw new Error(`${name} failed, so that there is no median of it`)
  }
  failures += low(ratios).length
  for (const [each, ratio] of Object.entries(ratios)) {
    if (each.includes(values.only)) found[each] = ratio
  }
  for (const [each, ratio] of Object.entries(ratios)) {
    const before = committed[each]
    rows.push([
      each,
      ratio.toFixed(3),
      before?.toFixed(3) ?? 'none',
      before === undefined ? '' : (ratio / before).toFixed(2),
      low({ [each]: ratio }).length > 0 ? 'too low' : '',
    ])
  }
}
console.log(tableText({ head: ['ratio', 'now', 'committed', 'of it', ''], rows }))
if (values.save) await saveResult('smoke', { runs, passes, ratios: { ...committed, ...found } }, {})
else if (failures > 0) process.exitCode = 1

/** @returns nothing when it failed: a server gives up on a machine that does too much else */
async function measureOnce(measure: () => Promise<Ratios>): Promise<Ratios> {
  try {
    return await measure()
  } catch (error) {
    console.error(error)
    return {}
  }
}

/** @param pick makes one ratio of those that were measured */
function combine(measured: readonly Ratios[], pick: (ratios: number[]) => number): Ratios {
  const names = new Set(measured.flatMap(Object.keys))
  return Object.fromEntries(
    [...names].map((name) => [name, pick(measured.flatMap((ratios) => ratios[name] ?? []))]),
  )
}

function median(ratios: number[]): number {
  return spreadOf(ratios).median
}

function prefixed(name: string, ratios: Ratios): Ratios {
  return Object.fromEntries(
    Object.entries(ratios).map(([each, ratio]) => [`${name}: ${each}`, ratio]),
  )
}

function low(ratios: Ratios): string[] {
  return Object.entries(ratios).flatMap(([name, ratio]) =>
    ratio < allowed * (committed[name] ?? 0) ? [name] : [],
  )
}

async function ingest(redis: string | undefined, times: number, stock?: string): Promise<Ratios> {
  let ratios: Ratios = {}
  await withRedis(redis, async (redisUrl) =>
    withFreshStore(
      async (store) => {
        const options = { runs, passes: passes * times, protocol: 'batch', redisUrl } as const
        const { upsertRatio, endToEndRatio, cpuRatio } = await measureIngest(store, options)
        ratios = {
          'own upsert of the floor': upsertRatio.median,
          'end to end of the floor': endToEndRatio.median,
          ...(Number.isNaN(cpuRatio.median)
            ? {}
            : { 'CPU of the floor of that from end to end': cpuRatio.median }),
        }
      },
      { stock },
    ),
  )
  return ratios
}
