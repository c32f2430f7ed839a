import { parseArgs } from 'node:util'
import { mb } from './api/api-process.ts'
import { withFreshStore } from './fresh-store.ts'
import { protocols } from './ingest-requests.ts'
import { measureIngest, runsPerRequest, type IngestFigures } from './suite/ingest-passes.ts'
import { withRedis } from './suite/redis.ts'
import { publish } from './suite/publish.ts'
import { spreadText } from './suite/spread.ts'
import { tableText } from './suite/table.ts'

/*
 * Runs accepted over HTTP and readable, per second, against the floor (architecture.md 10) and against the product's own
 * upsert without HTTP and queue, in passes that alternate. Traces of one root and three llm runs with 1 kB of inputs and
 * of outputs each. What is sent and written is made before the clock starts. The server and this load share the
 * machine, so the CPU time of everybody is told, in microseconds per run.
 *
 *   npm run bench -- ingest [--runs 40000] [--passes 5] [--redis own|redis://127.0.0.1:6379] [--stock 15] [--smoke]
 *     [--docs] [--protocol batch|multipart|langfuse|otlp] [--cpu-prof FOLDER] [--against FOLDER]
 *     [--tenants 8] [--shards 4] [--workers 2]
 *
 * --shards is RUNMILL_INGEST_SHARDS, and --workers the number of worker processes: both need Redis. A tenant is in one
 * shard, so they spread nothing without --tenants. docs/scaling.md has figures.
 *
 * --against is a folder with a `dist`, of another version or of this one (`npm run build`, `--against .`). Run from its
 * sources, the server has functions that are wrapped to keep their names, which OTLP's translation notices.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '40000' },
    passes: { type: 'string', default: '5' },
    redis: { type: 'string' },
    stock: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    protocol: { type: 'string', default: 'batch' },
    'cpu-prof': { type: 'string' },
    against: { type: 'string' },
    tenants: { type: 'string', default: '1' },
    shards: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  },
})
const protocol = protocols.find((name) => name === values.protocol)
if (protocol === undefined) throw new Error(`--protocol is one of ${protocols.join(', ')}`)
const [tenants, shards, workers] = [values.tenants, values.shards, values.workers].map(Number)
const spread = { tenants: tenants!, shards: shards!, workers: workers! }
const isSpread = tenants! > 1 || shards! > 1 || workers! > 1
if ((shards! > 1 || workers! > 1) && values.redis === undefined) {
  throw new Error('--shards and --workers need --redis')
}
if (values.docs && isSpread) throw new Error('docs/performance.md has no table of --tenants')
const step = runsPerRequest * tenants!
const runs = values.smoke ? 2000 : Math.ceil(Number(values.runs) / step) * step
const passes = values.smoke ? 2 : Number(values.passes)

await withRedis(values.redis, async (redisUrl) =>
  withFreshStore(
    async (store) => {
      const figures = await measureIngest(store, {
        runs,
        passes,
        protocol,
        redisUrl,
        ...spread,
        against: values.against,
        profile: values['cpu-prof'],
        progress: (done) => console.error(`pass ${done} of ${passes} is done`),
      })
      print(figures, redisUrl !== undefined)
      if (!values.docs) return
      const queue = redisUrl === undefined ? 'one-process' : 'redis'
      const server = values.stock === undefined ? '' : `-stock-${values.stock}`
      const settings = { runs, passes, protocol }
      await publish(
        `ingest-${queue}${server}${protocol === 'batch' ? '' : `-${protocol}`}`,
        { settings, ...figures },
        { db: store.db, redisUrl },
      )
    },
    { stock: values.stock },
  ),
)

function print(figures: IngestFigures, isOnRedis: boolean): void {
  const mode = isOnRedis ? 'Redis, API and worker apart' : 'all in one process'
  const server = values.stock === undefined ? 'embedded' : `stock ${values.stock}`
  const of = isSpread ? `, ${tenants} tenants, ${shards} shards, ${workers} workers` : ''
  console.log(
    `ingest, ${mode}, Postgres ${server}, ${protocol}${of}: ${passes} passes of ${runs} runs`,
  )
  const rows = [
    ['floor, runs/s', spreadText(figures.floor), ''],
    ['own upsert, runs/s', spreadText(figures.upsert), spreadText(figures.upsertRatio, 3)],
    ['end to end, runs/s', spreadText(figures.endToEnd), spreadText(figures.endToEndRatio, 3)],
    ...Object.entries(figures.cpuMicrosPerRun).map(([name, spread]) => [
      `CPU of ${name}, µs/run`,
      spread === null ? 'unknown' : spreadText(spread),
      '',
    ]),
  ]
  console.log(tableText({ head: ['', 'median (least to most)', 'of the floor'], rows }))
  const { peakBytes } = figures
  if (peakBytes !== null) console.log(`most memory of a process: ${mb(peakBytes)} MB`)
}
