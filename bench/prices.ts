import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { eventVersion, type IngestEvent } from '../src/domain/events.ts'
import { fromEpochMs } from '../src/domain/timestamp.ts'
import { applyEvents } from '../src/store/write/ingest.ts'
import { createRunPricer } from '../src/store/write/prices/run-prices.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'

/*
 * What computing costs takes: batches of runs without usage, and of runs of which a third are calls of a model with
 * usage, each against the same batches where no cost is looked for. They alternate in one run, so that what else the
 * machine does falls on all alike.
 *
 *   npm run bench -- prices [--rounds 20] [--runs 500] [--smoke]
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    runs: { type: 'string', default: '500' },
    smoke: { type: 'boolean', default: false },
  },
})
const rounds = values.smoke ? 2 : Number(values.rounds)
const runsPerBatch = values.smoke ? 20 : Number(values.runs)
const start = Date.UTC(2026, 0, 1)
const names = ['no usage', 'usage in a third']
const text = JSON.stringify({ text: 'What is the answer? '.repeat(50) })

await withFreshStore(async ({ db }) => {
  const { id: tenantId } = await insertTenant(db)
  const prices = createRunPricer(() => {})
  const times = new Map<string, number[]>()
  async function measure(name: string, hasUsage: boolean, isPriced: boolean): Promise<void> {
    const pricer = isPriced ? prices : undefined
    const batches = Array.from({ length: 4 }, () => batchOf(hasUsage))
    // The first one makes plans.
    await applyEvents(db, tenantId, batches.pop()!, pricer)
    const begun = performance.now()
    for (const batch of batches) await applyEvents(db, tenantId, batch, pricer)
    const taken = (performance.now() - begun) / batches.length
    times.set(name, [...(times.get(name) ?? []), taken])
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      // In turn, so that neither is always measured on the larger table.
      for (const isPriced of round % 2 === 0 ? [false, true] : [true, false]) {
        const key = isPriced ? name : `${name}, not looked for`
        await measure(key, name !== 'no usage', isPriced)
      }
    }
  }
  for (const name of names) {
    const [without, taken] = [times.get(`${name}, not looked for`)!, times.get(name)!]
    const ratio = median(taken.map((each, round) => each / without[round]!))
    console.log(
      `${name}: ${median(taken).toFixed(1)} ms for ${runsPerBatch} runs, ${ratio.toFixed(3)} of what it is without costs`,
    )
  }
})

function batchOf(hasUsage: boolean): IngestEvent[] {
  return Array.from({ length: runsPerBatch }, (_, i) => {
    const id = randomUUID()
    return {
      kind: 'run',
      id,
      externalId: null,
      version: eventVersion('create', fromEpochMs(start)!, id),
      patch: {
        traceId: id,
        name: 'run',
        runType: i % 3 === 0 ? 'llm' : 'chain',
        startTime: fromEpochMs(start)!,
        inputs: text,
        outputs: text,
        model: 'gpt-4o',
        ...(hasUsage && i % 3 === 0
          ? { promptTokens: i, completionTokens: 1, totalTokens: i + 1, usageDetails: null }
          : {}),
      },
    }
  })
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}
