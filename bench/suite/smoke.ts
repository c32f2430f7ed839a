import { parseArgs } from 'node:util'
import { withFreshStore } from '../fresh-store.ts'
import { measureIngest } from './ingest-passes.ts'
import { withRedis } from './redis.ts'
import { readResult, saveResult } from './results.ts'
import { measureStatisticsGrowth } from './statistics-growth.ts'
import { tableText } from './table.ts'

/*
 * Ratios alone, because rates depend on the machine: each is the median of passes that alternate with what they are
 * compared with. One that falls below 0.7 of the committed ratio (bench/results/smoke.json) is measured once more, with
 * twice the passes, because the machine may have done something else; when it stays there, this ends with 1.
 *
 *   npm run bench -- --smoke [--only TEXT] [--save]
 *
 * --save commits to what was measured: it writes bench/results/smoke.json.
 */

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, save: { type: 'boolean', default: false } },
})
const allowed = 0.7
const runs = 8000
const passes = 5

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
  if (!name.includes(values.only)) continue
  console.error(name)
  let ratios = prefixed(name, await measure(1))
  if (!values.save && low(ratios).length > 0) {
    console.error(`${low(ratios).join(', ')}: below ${allowed} of the committed ratio; once more`)
    ratios = prefixed(name, await measure(2))
  }
  failures += low(ratios).length
  Object.assign(found, ratios)
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
        const { upsertRatio, endToEndRatio } = await measureIngest(store, options)
        ratios = {
          'own upsert of the floor': upsertRatio.median,
          'end to end of the floor': endToEndRatio.median,
        }
      },
      { stock },
    ),
  )
  return ratios
}
