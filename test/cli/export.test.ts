import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { parquetReadObjects } from 'hyparquet'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { exportCommand } from '../../src/cli/export-command.ts'
import { connect, run } from '../support/command-line.ts'
import { comparisonRows, feedbackOn, linkEvent, rootRun } from '../support/comparison-rows.ts'
import { harness, type Harness } from '../support/harness.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'runmill-export-'))
}

/** Two examples, of which the first was executed twice, and the second failed. */
async function fixture(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const experiment = await rows.experiment(datasetId, 'nightly')
  const first = await rows.example(datasetId, {
    id: '00000000-0000-4000-8000-000000000001',
    inputs: '{"id": 12345678901234567890,\n "q": "1"}',
    outputs: '{"a": "one"}',
    metadata: '{"area": "billing"}',
  })
  const second = await rows.example(datasetId, { id: '00000000-0000-4000-8000-000000000002' })
  const usage = {
    runType: 'llm' as const,
    totalTokens: 12,
    promptTokens: 8,
    completionTokens: 4,
    totalCost: '0.000012',
  }
  const runs = [
    rootRun(experiment, first, { outputs: '{"a": "uno"}', ...usage }),
    rootRun(experiment, first, { outputs: '{"a": "one"}', ...usage }),
    rootRun(experiment, second, { outputs: null, error: '"=cmd|\' /C calc\'!A0"' }),
  ] as const
  await h.ingest(
    ...runs,
    feedbackOn(runs[0], 'correct', 0, { comment: '=1+1' }),
    feedbackOn(runs[1], 'correct', 1, { comment: 'Says so, "exactly".\nYes.' }),
    feedbackOn(runs[1], 'tone', null, { valueText: 'polite', value: '"polite"' }),
  )
  return { experiment, datasetId, runs }
}

const columns = [
  'example_id',
  'repetition',
  'inputs',
  'reference',
  'outputs',
  'status',
  'error',
  'score.correct',
  'reason.correct',
  'label.tone',
  'reason.tone',
  'start_time',
  'latency',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cost',
  'splits',
  'example_metadata',
  'metadata',
  'trace_id',
  'run_id',
]

describe('runmill export', () => {
  test('CSV: a row for each example and repetition, no cell of which a spreadsheet runs, and a manifest', async () => {
    const h = await harness()
    const f = await fixture(h)
    const url = await connect(h)
    const file = join(await folder(), 'nightly.csv')
    const { code, printed } = await run(exportCommand, ['nightly', '--output', file])
    expect(printed).toMatch(/^3 rows, \d+ bytes, SHA-256 [0-9a-f]{64}: /)
    expect(code).toBe(0)
    const bytes = await readFile(file)
    const [head, ...rows] = parse(bytes)
    expect(head).toEqual(columns)
    const cells = rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i]!, cell])))
    expect(cells.map(({ repetition }) => repetition)).toEqual(['1', '2', '1'])
    const [one, two] = [f.runs[0].id, f.runs[1].id].map(
      (id) => cells.find(({ run_id: runId }) => runId === id)!,
    )
    expect(one).toMatchObject({
      inputs: '{"id": 12345678901234567890,\n "q": "1"}',
      reference: '{"a": "one"}',
      outputs: '{"a": "uno"}',
      'score.correct': '0',
      'reason.correct': "'=1+1",
      latency: '2',
      total_tokens: '12',
      cost: '0.000012',
      example_metadata: '{"area": "billing"}',
      trace_id: f.runs[0].id,
    })
    expect(two).toMatchObject({
      'reason.correct': 'Says so, "exactly".\nYes.',
      'label.tone': 'polite',
      'reason.tone': '',
    })
    expect(cells[2]).toMatchObject({
      status: 'error',
      error: "'=cmd|' /C calc'!A0",
      'score.correct': '',
    })
    expect(JSON.parse(await readFile(`${file}.manifest.json`, 'utf8'))).toEqual({
      version: 1,
      file,
      format: 'csv',
      rows: 3,
      counted: 3,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      columns,
      source: { experiment: expect.objectContaining({ id: f.experiment, name: 'nightly' }) },
      filter: {},
      server: url,
      started_at: expect.any(String),
      finished_at: expect.any(String),
    })
  })

  test('JSON Lines: what clients sent stays as they wrote it', async () => {
    const h = await harness()
    await fixture(h)
    await connect(h)
    const file = join(await folder(), 'nightly.jsonl')
    expect(await run(exportCommand, ['nightly', '-o', file])).toMatchObject({ code: 0 })
    const text = await readFile(file, 'utf8')
    const lines = text.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toContain('"inputs":{"id": 12345678901234567890,  "q": "1"}')
    const rows = lines.map((line) => JSON.parse(line))
    expect(Object.keys(rows[0])).toEqual(columns)
    expect(rows[2]).toMatchObject({
      status: 'error',
      error: "=cmd|' /C calc'!A0",
      splits: ['base'],
      'score.correct': null,
    })
  })

  test('Parquet: with types, read back', async () => {
    const h = await harness()
    const f = await fixture(h)
    await connect(h)
    const file = join(await folder(), 'nightly.parquet')
    expect(await run(exportCommand, ['nightly', '-o', file])).toMatchObject({ code: 0 })
    const bytes = await readFile(file)
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
    const rows = await parquetReadObjects({ file: buffer })
    expect(rows).toHaveLength(3)
    expect(Object.keys(rows[0]!)).toEqual(columns)
    expect(rows.find(({ run_id: id }) => id === f.runs[1].id)).toMatchObject({
      repetition: expect.any(BigInt),
      inputs: '{"id": 12345678901234567890,\n "q": "1"}',
      'score.correct': 1,
      'label.tone': 'polite',
      start_time: new Date('2026-01-02T00:00:01Z'),
      latency: 2,
      total_tokens: 12n,
      cost: 0.000012,
    })
  })

  test('what the filter selects, of the latest experiment with some metadata', async () => {
    const h = await harness()
    const f = await fixture(h)
    await h.db`update experiments set metadata = '{"branch": "main"}' where tenant_id = ${h.tenant.id} and id = ${f.experiment}`
    await connect(h)
    const file = join(await folder(), 'x.jsonl')
    const args = ['latest:branch=main', '-o', file, '--json']
    const select = ['--status', 'success', '--metadata', 'area=billing', '--split', 'base']
    const { code, printed } = await run(exportCommand, [...args, ...select])
    expect(code).toBe(0)
    expect(JSON.parse(printed)).toMatchObject({
      rows: 2,
      counted: 2,
      filter: { status: 'success', metadata: { area: 'billing' }, split: ['base'] },
    })
  })

  test('a score that statistics do not know yet has its column', async () => {
    const h = await harness()
    await fixture(h)
    const url = await connect(h)
    const forgetful = await between(url, (path, body) =>
      path.startsWith('/api/v1/sessions/')
        ? JSON.stringify({ ...(JSON.parse(body) as object), feedback_stats: null })
        : body,
    )
    vi.stubEnv('RUNMILL_URL', forgetful.url)
    const file = join(await folder(), 'x.csv')
    expect(await run(exportCommand, ['nightly', '-o', file])).toMatchObject({ code: 0 })
    const [head] = parse(await readFile(file))
    // Nobody gave a reason for the tone.
    expect(head).toEqual(columns.filter((name) => name !== 'reason.tone'))
    forgetful.close()
  })

  test('an answer that is cut off is read on from there, and nothing is missing or twice', async () => {
    const h = await harness()
    await fixture(h)
    const url = await connect(h)
    let cuts = 0
    const cutting = await between(url, (path, body) => {
      if (!path.includes('/rows')) return body
      cuts += 1
      const lines = body.split('\n')
      // The first line, and one row; then half of a row.
      return cuts <= 2 ? `${lines.slice(0, 2).join('\n')}\n${lines[2]!.slice(0, 20)}` : body
    })
    vi.stubEnv('RUNMILL_URL', cutting.url)
    const file = join(await folder(), 'x.jsonl')
    expect(await run(exportCommand, ['nightly', '-o', file])).toMatchObject({ code: 0 })
    const rows = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(rows.map((line) => JSON.parse(line).repetition)).toEqual([1, 2, 1])
    expect(cuts).toBe(3)
    cutting.close()
  })

  test('it changed while it was read: 2', async () => {
    const h = await harness()
    await fixture(h)
    const url = await connect(h)
    const other = await between(url, (_, body) => body.replace('"total":3', '"total":4'))
    vi.stubEnv('RUNMILL_URL', other.url)
    const file = join(await folder(), 'x.jsonl')
    expect(await run(exportCommand, ['nightly', '-o', file])).toMatchObject({
      code: 2,
      printed: expect.stringContaining('3 rows were written, and there are 4'),
    })
    other.close()
  })

  test('the runs of a project', async () => {
    const h = await harness()
    const f = await fixture(h)
    await connect(h)
    const file = join(await folder(), 'runs.jsonl')
    const args = ['--runs', 'nightly', '--filter', 'eq(status, "success")', '-o', file]
    expect(await run(exportCommand, args)).toMatchObject({ code: 0 })
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line))
    expect(rows).toHaveLength(2)
    expect(rows.find(({ id }) => id === f.runs[1].id)).toMatchObject({
      name: 'target',
      latency: 2,
      total_tokens: 12,
      total_cost: 0.000012,
      'score.correct': 1,
      'label.tone': 'polite',
      outputs: { a: 'one' },
    })
  })

  test('the runs of an experiment of Langfuse, which are in the project of its traces', async () => {
    const h = await harness()
    const f = await fixture(h)
    await connect(h)
    const rows = comparisonRows(h.db, h.tenant.id)
    const linking = await rows.experiment(f.datasetId, 'of langfuse')
    const example = await rows.example(f.datasetId)
    await h.ingest(linkEvent(f.datasetId, linking, example, f.runs[1].id))
    const file = join(await folder(), 'runs.jsonl')
    const { code } = await run(exportCommand, ['--runs', 'of langfuse', '-o', file])
    expect(code).toBe(0)
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { id: f.runs[1].id, 'score.correct': 1, outputs: { a: 'one' } },
    ])
  })

  test.each([
    ['nothing to export', ['-o', 'x.csv']],
    ['two things to export', ['nightly', '--runs', 'x', '-o', 'x.csv']],
    ['no file', ['nightly']],
    ['an unknown format', ['nightly', '-o', 'x.xlsx']],
    ['a filter of runs', ['nightly', '-o', 'x.csv', '--filter', 'eq(a, 1)']],
    ['metadata that are none', ['nightly', '-o', 'x.csv', '--metadata', 'area']],
    ['an unknown status', ['nightly', '-o', 'x.csv', '--status', 'late']],
    ['a folder that is not there', ['nightly', '-o', '/nowhere/x.csv']],
  ])('wrong usage, %s: 64', async (_, args) => {
    const h = await harness()
    await fixture(h)
    await connect(h)
    expect(await run(exportCommand, args)).toMatchObject({ code: 64 })
  })

  test('no such experiment or project: 2; a wrong key: 64; server away: 69; and no file is left', async () => {
    const h = await harness()
    await connect(h)
    const place = await folder()
    const args = ['-o', join(place, 'x.csv')]
    expect(await run(exportCommand, ['none', ...args])).toMatchObject({ code: 2 })
    expect(await run(exportCommand, ['--runs', 'none', ...args])).toMatchObject({ code: 2 })
    await connect(h, 'wrong')
    expect(await run(exportCommand, ['none', ...args])).toMatchObject({ code: 64 })
    vi.stubEnv('RUNMILL_URL', 'http://127.0.0.1:1')
    expect(await run(exportCommand, ['none', ...args])).toMatchObject({ code: 69 })
    expect(await readdir(place)).toEqual([])
  })
})

/** A server in front of another one that changes its answers. */
async function between(
  url: string,
  change: (path: string, body: string) => string,
): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const answer = await fetch(url + request.url!, {
        headers: { 'x-api-key': String(request.headers['x-api-key']) },
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(change(request.url!, await answer.text()))
    }
    void pass()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  }
}
