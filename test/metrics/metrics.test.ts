import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { allMetrics } from './all-metrics.ts'

async function linesOf(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const { text } = await metrics.collect()
  return text.split('\n').filter((line) => line.startsWith(name))
}

describe('metrics', () => {
  test('docs/operations.md lists every metric with its type and labels, and no other', () => {
    const [, table] = /## Metrics([\s\S]*?)\n## /.exec(readFileSync('docs/operations.md', 'utf8'))!
    const documented = [...table!.matchAll(/^\| (`.+?`) \| (\w+) \|([^|]*)\| .+ \|$/gm)].flatMap(
      ([, names, type, labels]) =>
        [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => ({
          name: name!,
          type: type!,
          labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!),
        })),
    )
    const byName = (a: { name: string }, b: { name: string }): number =>
      a.name.localeCompare(b.name)
    expect(documented.toSorted(byName)).toEqual(allMetrics().toSorted(byName))
  })

  test('a pool is used up to its size; what needs a connection beyond that, or stands in line, waits', async () => {
    const metrics = createMetrics()
    const pool = metrics.pool('requests', 2)
    const seen = async (): Promise<string[]> => linesOf(metrics, 'runmill_database_pool_')
    const shown = (used: number, waiting: number): string[] => [
      'runmill_database_pool_max{pool="requests"} 2',
      `runmill_database_pool_used{pool="requests"} ${used}`,
      `runmill_database_pool_waiting{pool="requests"} ${waiting}`,
    ]
    expect(await seen()).toEqual(shown(0, 0))
    for (let i = 0; i < 5; i++) pool.wanted(1)
    expect(await seen()).toEqual(shown(2, 3))
    for (let i = 0; i < 4; i++) pool.inLine(1)
    expect(await seen()).toEqual(shown(1, 4))
    for (let i = 0; i < 4; i++) pool.inLine(-1)
    for (let i = 0; i < 5; i++) pool.wanted(-1)
    expect(await seen()).toEqual(shown(0, 0))
  })

  test('a process shows the series of its own parts alone', async () => {
    const api = createMetrics()
    api.dialect('langsmith')
    const worker = createMetrics()
    worker.lane('ingest')
    expect(await linesOf(api, 'runmill_events_accepted_total')).toHaveLength(1)
    expect(await linesOf(api, 'runmill_event_lag_seconds')).toEqual([])
    expect(await linesOf(worker, 'runmill_events_applied_total')).toHaveLength(1)
    expect(await linesOf(worker, 'runmill_events_accepted_total')).toEqual([])
  })
})
