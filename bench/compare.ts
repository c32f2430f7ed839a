import { parseArgs } from 'node:util'
import { withApi } from './api/api-in-process.ts'
import { withFreshStore } from './fresh-store.ts'
import { fillCompared } from './stores/compared-store.ts'

/*
 * POST /api/runmill/compare of two experiments on one dataset, three scores each, with fresh aggregates: the first page
 * of a process that knows nothing of them yet, then further pages, other orders and other choices of rows.
 * Database of its own in a temporary folder, or --database-url (an empty database; it is left filled).
 *
 *   npx tsx bench/compare.ts [--examples 10000] [--repeats 20] [--smoke]
 */

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '10000' },
    repeats: { type: 'string', default: '20' },
    'database-url': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const examples = values.smoke ? 200 : Number(values.examples)
const repeats = values.smoke ? 2 : Number(values.repeats)

await withFreshStore(
  async (store) => {
    const { db } = store
    const { tenantId, secret } = await fillCompared(db, examples)
    await withApi(store, async (url) => {
      const ask = async (name: string, body: object, prepare?: () => Promise<void>) => {
        const times: number[] = []
        let answer: { rows: unknown[]; next_cursor: string | null } | undefined
        let bytes = 0
        const cpu = [0, 0] as [api: number, server: number]
        for (let i = -1; i < repeats; i++) {
          await prepare?.()
          const serverBefore = await store.serverCpu()
          const before = process.cpuUsage()
          const start = performance.now()
          const response = await fetch(`${url}/api/runmill/compare`, {
            method: 'POST',
            headers: { 'x-api-key': secret, 'content-type': 'application/json' },
            body: JSON.stringify({ candidates: ['candidate'], ...body }),
          })
          const text = await response.text()
          const took = performance.now() - start
          if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text}`)
          answer = JSON.parse(text) as typeof answer
          bytes = text.length
          if (i < 0) continue
          times.push(took)
          const { user, system } = process.cpuUsage(before)
          cpu[0] += user + system
          cpu[1] += ((await store.serverCpu()) ?? 0) - (serverBefore ?? 0)
        }
        const sorted = times.toSorted((a, b) => a - b)
        const of = (sum: number) => (sum / repeats / 1000).toFixed(0)
        const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0)
        console.log(
          `${name}: median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} ms, worst ${sorted.at(-1)!.toFixed(1)} ms, processor ${of(cpu[0])} ms here and ${of(cpu[1])} ms in Postgres, ${answer!.rows.length} rows, ${bytes} bytes, memory so far ${memory} MiB`,
        )
        return answer!
      }
      // As a refresh of any of their traces does.
      const touch = async () => {
        await db`
          update experiment_aggregates set is_built = is_built where tenant_id = ${tenantId}`
      }
      console.log(`${examples} examples, 2 experiments, 3 scores`)
      await ask('first page after a change of both', {}, touch)
      const page = await ask('first page', {})
      await ask('next page', { cursor: page.next_cursor })
      const sort = { measure: 'correctness', order: 'asc' }
      const sorted = await ask('sorted by a difference', { sort })
      await ask('its next page', { sort, cursor: sorted.next_cursor })
      const change = { measure: 'correctness', is: ['regressed'] }
      await ask('only what regressed', { sort, change })
      await ask('without rows', { limit: 0 })
    })
  },
  { databaseUrl: values['database-url'] },
)
