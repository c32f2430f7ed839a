import { once } from 'node:events'
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { comparisonCsv } from '../../../../src/http/langsmith/comparisons/comparison-csv.ts'
import type {
  ComparedRun,
  ComparisonRow,
} from '../../../../src/store/read/comparison/comparison.ts'
import { second } from '../../../support/comparison-rows.ts'

const experiment = { id: 'e', name: 'experiment', feedbackKeys: [] }
const bodyLength = 10_000

function row(n: number): ComparisonRow {
  const example = {
    id: String(n),
    externalId: null,
    datasetId: 'd',
    validFrom: second(0),
    createdAt: second(0),
    ordinal: 0,
    inputs: '{}',
    outputs: null,
    metadata: null,
    splits: [],
    archived: false,
    sourceTraceId: null,
    externalSourceTraceId: null,
    sourceRunId: null,
    externalSourceRunId: null,
    attachments: null,
  }
  const run = {
    id: 'r',
    experimentId: 'e',
    referenceExampleId: String(n),
    traceId: 'r',
    status: 'success',
    startTime: second(0),
    endTime: null,
    outputs: JSON.stringify({ text: 'x'.repeat(bodyLength) }),
    error: null,
    extra: null,
    runtime: null,
    metadata: null,
    feedbackStats: null,
    dottedOrder: '',
  } as unknown as ComparedRun
  return { example, runs: [{ run, feedback: [] }] }
}

describe('a stream', () => {
  test('is read only as fast as the client takes it', async () => {
    const total = 1000
    let read = 0
    async function* pages() {
      for (; read < total; read++) yield [row(read)]
    }
    let taken = 0
    let ahead = 0
    for await (const chunk of comparisonCsv(pages(), [experiment])) {
      taken += (chunk as Buffer).length
      // Gives the source every chance to be read ahead.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      ahead = Math.max(ahead, read * bodyLength - taken)
    }
    expect(taken).toBeGreaterThan(total * bodyLength)
    expect(ahead).toBeLessThan(100 * bodyLength)
  })

  test('stops reading when the client leaves', async () => {
    let isEnded = false
    async function* pages() {
      try {
        for (let n = 0; ; n++) yield [row(n)]
      } finally {
        isEnded = true
      }
    }
    const stream = comparisonCsv(pages(), [experiment])
    await once(stream, 'readable')
    stream.destroy()
    await expect.poll(() => isEnded).toBe(true)
  })

  test('breaks off when reading fails, so that half a file never looks complete', async () => {
    async function* pages(): AsyncGenerator<ComparisonRow[]> {
      yield [row(1)]
      throw new Error('the database went away')
    }
    const stream = comparisonCsv(pages(), [experiment])
    await expect(stream.toArray()).rejects.toThrow('the database went away')
  })
})

test('nothing in it is run by a spreadsheet, names of experiments included', async () => {
  const one = row(1)
  const feedbackStats = '{"-1+1":{"n":1,"avg":null,"values":{"=1+1":1}}}'
  const run = { ...one.runs[0]!.run, feedbackStats, error: '"@SUM(1)"' }
  const experiments = [
    { ...experiment, name: '=1+1', feedbackKeys: ['-1+1'] },
    { ...experiment, id: 'f', name: '+1+1', feedbackKeys: [] },
  ]
  async function* pages(): AsyncGenerator<ComparisonRow[]> {
    yield [{ ...one, runs: [{ run, feedback: [] }] }]
  }
  const bytes = (await comparisonCsv(pages(), experiments).toArray()) as Buffer[]
  const [head, line] = parse(Buffer.concat(bytes)) as [string[], string[]]
  expect(head.slice(5)).toEqual([
    ...['outputs', 'status', 'error', 'latency', 'total_tokens', 'total_cost', 'run_id'].map(
      (column) => `'=1+1.${column}`,
    ),
    ...['outputs', 'status', 'error', 'latency', 'total_tokens', 'total_cost', 'run_id'].map(
      (column) => `'+1+1.${column}`,
    ),
    "'=1+1.-1+1",
  ])
  expect(line.at(-1)).toBe("'=1+1")
  expect(line[7]).toBe("'@SUM(1)")
})
