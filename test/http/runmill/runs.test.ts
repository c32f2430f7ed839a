import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  rootRun,
  runEvent,
  second,
  traceEvent,
} from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { seedTenant } from '../../support/seeded-tenant.ts'
import { once, twoExperiments } from '../../support/two-experiments.ts'

const path = '/api/runmill/runs'

/** A project with five root runs, of which the last has a child that failed. */
async function project(h: Harness): Promise<{ id: string; roots: string[]; child: string }> {
  const id = await comparisonRows(h.db, h.tenant.id).experiment(null, 'my project')
  const roots = Array.from({ length: 5 }, () => randomUUID())
  const child = randomUUID()
  const common = { experimentId: id, endTime: second(9) }
  await h.ingest(
    ...roots.map((root, i) =>
      runEvent(root, {
        ...common,
        traceId: root,
        name: `root ${i}`,
        runType: 'chain',
        startTime: second(i),
      }),
    ),
    runEvent(child, {
      ...common,
      traceId: roots[4]!,
      parentRunId: roots[4]!,
      name: 'call',
      runType: 'llm',
      startTime: second(5),
      error: '"It broke."',
      totalTokens: 12,
    }),
  )
  return { id, roots, child }
}

const idsOf = ({ body }: { body: { runs: { id: string }[] } }): string[] =>
  body.runs.map(({ id }) => id)

describe('200 GET /api/runmill/runs', () => {
  test('pages hold every root run once, newest first, or in the order of time', async () => {
    const h = await harness()
    const { roots } = await project(h)
    for (const [order, wanted] of [
      ['desc', roots.toReversed()],
      ['asc', roots],
    ] as const) {
      const read: string[] = []
      let cursor: string | null = null
      do {
        const more: string = cursor === null ? '' : `&cursor=${cursor}`
        const page = await h.call('GET', `${path}?limit=2&order=${order}${more}`)
        read.push(...idsOf(page))
        cursor = page.body.next_cursor
      } while (cursor !== null)
      expect(read).toEqual(wanted)
    }
  })

  test('an experiment that links traces of a project shows their runs, page by page, and no others of that project', async () => {
    const h = await harness()
    const { id, roots, child } = await project(h)
    const rows = comparisonRows(h.db, h.tenant.id)
    const dataset = await rows.dataset()
    const [linking, other] = [
      await rows.experiment(dataset, 'linking'),
      await rows.experiment(dataset, 'other'),
    ]
    const [one, two] = [await rows.example(dataset), await rows.example(dataset)]
    await h.ingest(
      // Twice the same trace: by itself, and by a run in it.
      linkEvent(dataset, linking, one, roots[4]!),
      linkEvent(dataset, linking, two, roots[4]!, child),
      linkEvent(dataset, linking, one, roots[1]!),
      linkEvent(dataset, other, one, roots[2]!),
    )
    const of = async (query: string) => h.call('GET', `${path}?experiment_id=${linking}${query}`)
    expect(idsOf(await of(''))).toEqual([roots[4], roots[1]])
    expect(idsOf(await of('&order=asc&roots=false'))).toEqual([roots[1], roots[4], child])
    expect(idsOf(await of('&status=error&roots=false'))).toEqual([child])
    const first = await of('&roots=false&limit=2')
    expect(idsOf(first)).toEqual([child, roots[4]])
    expect(first.body.experiments).toEqual({ [id]: 'my project' })
    expect(idsOf(await of(`&roots=false&limit=2&cursor=${first.body.next_cursor}`))).toEqual([
      roots[1],
    ])
    // What another tenant links, it does not see.
    const stranger = await h.addTenant()
    const theirs = comparisonRows(h.db, stranger.id)
    const theirDataset = await theirs.dataset()
    const spying = await theirs.experiment(theirDataset, 'spying')
    const link = linkEvent(theirDataset, spying, await theirs.example(theirDataset), roots[0]!)
    await h.queue.enqueue('ingest', [
      {
        batchId: randomUUID(),
        tenantId: stranger.id,
        receivedAt: h.clock.now(),
        events: [link],
      },
    ])
    await h.drain()
    const seen = await h.callAs(stranger, 'GET', `${path}?experiment_id=${spying}`)
    expect(idsOf(seen)).toEqual([])
  })

  test('an experiment that has runs of its own shows these alone', async () => {
    const h = await harness()
    const { id, roots } = await project(h)
    const other = await comparisonRows(h.db, h.tenant.id).experiment(null, 'other')
    const [own, linked] = [randomUUID(), randomUUID()]
    for (const [run, experimentId] of [
      [own, id],
      [linked, other],
    ] as const) {
      const patch = { traceId: run, name: 'r', runType: 'chain' as const, startTime: second(8) }
      await h.ingest(runEvent(run, { ...patch, experimentId, endTime: second(9) }))
    }
    const rows = comparisonRows(h.db, h.tenant.id)
    const dataset = await rows.dataset()
    await h.ingest(linkEvent(dataset, id, await rows.example(dataset), linked))
    const answer = await h.call('GET', `${path}?experiment_id=${id}`)
    expect(idsOf(answer)).toEqual([own, ...roots.toReversed()])
  })

  test('a run that several of the projects have comes once, and fills no page twice', async () => {
    const h = await harness()
    const { id, roots } = await project(h)
    const rows = comparisonRows(h.db, h.tenant.id)
    const dataset = await rows.dataset()
    const linking = [await rows.experiment(dataset, 'a'), await rows.experiment(dataset, 'b')]
    const traces = roots.slice(0, 3)
    for (const experiment of linking)
      for (const trace of traces)
        await h.ingest(linkEvent(dataset, experiment, await rows.example(dataset), trace))
    const listed: string[] = []
    for (let cursor: string | null = null; ; ) {
      const asked = { session: [id, ...linking], is_root: true, limit: 2, cursor }
      const { body } = await h.call('POST', '/api/v1/runs/query', asked)
      listed.push(...body.runs.map((run: { id: string }) => run.id))
      cursor = body.cursors.next
      if (cursor === null) break
    }
    expect(listed).toEqual(roots.toReversed())
  })

  test('rows are short, and name their project', async () => {
    const h = await harness()
    const { id, child } = await project(h)
    const { body } = await h.call('GET', `${path}?roots=false&limit=1`)
    expect(body.experiments).toEqual({ [id]: 'my project' })
    expect(body.runs).toMatchObject([
      { id: child, name: 'call', status: 'error', error: 'It broke.', latency: 4, tokens: 12 },
    ])
    expect(body.runs[0]).not.toHaveProperty('outputs')
  })

  test('are narrowed by LangSmith’s filter language, by status and by project', async () => {
    const h = await harness()
    const { id, roots, child } = await project(h)
    const get = async (query: Record<string, string>) =>
      h.call('GET', `${path}?${new URLSearchParams(query).toString()}`)
    expect(idsOf(await get({ filter: 'eq(name, "root 1")' }))).toEqual([roots[1]])
    expect(idsOf(await get({ filter: 'eq(run_type, "llm")', roots: 'false' }))).toEqual([child])
    expect(idsOf(await get({ status: 'error', roots: 'false' }))).toEqual([child])
    expect(idsOf(await get({ status: 'pending' }))).toEqual([])
    expect(idsOf(await get({ experiment_id: id }))).toHaveLength(5)
    expect(idsOf(await get({ experiment_id: randomUUID() }))).toEqual([])
  })
})

test('400 a filter that cannot be read is refused, and the answer says where', async () => {
  const h = await harness()
  const { status, body } = await h.call('GET', `${path}?filter=eq(name`)
  expect(status).toBe(400)
  expect(body.error).toMatch(/^filter: .*position/i)
})

test('200 GET /api/runmill/runs/{id}: payloads as they were sent, attachments that open, scores with reasons, and the reference', async () => {
  const h = await harness()
  const seeded = await seedTenant(h, h.tenant, 'zq')
  const { status, body, text } = await h.call('GET', `${path}/${seeded.runId}`)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    inputs: { q: 'zq inputs' },
    outputs: { a: 'zq outputs' },
    error: 'zq error',
    metadata: { note: 'zq run metadata' },
    example: {
      id: seeded.exampleId,
      dataset_id: seeded.datasetId,
      reference: { a: 'zq example outputs' },
    },
    attachments: [{ name: 'file', mime_type: 'text/plain', size: 12 }],
  })
  expect(text).toContain('"inputs":{"q": "zq inputs"}'.replace(': "', ':"'))
  expect(body.scores).toContainEqual(
    expect.objectContaining({ key: seeded.feedbackKey, score: 0.5, comment: 'zq comment' }),
  )
  const link = new URL(body.attachments[0].url)
  expect((await h.call('GET', link.pathname + link.search)).text).toBe('zq run bytes')
})

describe('GET /api/runmill/traces/{id}', () => {
  test('200 one request has the whole tree, by the id of the trace, with its scores', async () => {
    const h = await harness()
    const { id, roots, child } = await project(h)
    await h.ingest(feedbackOn({ id: child }, 'polite', 0.25))
    const { status, body } = await h.call('GET', `/api/runmill/traces/${roots[4]!}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id: roots[4],
      experiment: { id, name: 'my project', dataset_id: null },
      has_more_runs: false,
      runs: [
        { id: roots[4], parent_run_id: null, tokens: 12 },
        { id: child, parent_run_id: roots[4], status: 'error', latency: 4 },
      ],
      scores: [{ run_id: child, key: 'polite', score: 0.25 }],
    })
  })

  test('200 a trace of Langfuse’s clients is found by their id, and has a payload of its own', async () => {
    const h = await harness()
    const seeded = await seedTenant(h, h.tenant, 'zq')
    const trace = await h.call('GET', `/api/runmill/traces/${seeded.traceId}`)
    expect(trace.body).toMatchObject({ name: 'zq trace', thread_id: seeded.threadId })
    const { body } = await h.call('GET', `/api/runmill/traces/${seeded.traceId}/payload`)
    expect(body).toMatchObject({ inputs: 'zq input', outputs: 'zq output' })
  })

  test('200 a trace without runs shows its scores', async () => {
    const h = await harness()
    const id = randomUUID()
    await h.ingest(
      traceEvent(id, { name: 'alone', timestamp: second(1) }),
      feedbackOn(null, 'polite', 1, { traceId: id }),
    )
    const { body } = await h.call('GET', `/api/runmill/traces/${id}`)
    expect(body).toMatchObject({
      id,
      runs: [],
      scores: [{ run_id: null, key: 'polite', score: 1 }],
    })
  })

  test('404 for a trace that there is not', async () => {
    const h = await harness()
    expect((await h.call('GET', `/api/runmill/traces/${randomUUID()}`)).status).toBe(404)
  })
})

describe('200 GET /api/runmill/experiments/{id}/items', () => {
  test('pages hold every example once, also when sorted by a score, with what was made of it', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1, 1, 1, 1, 1), [[0.2], [0.9, 0.7], [0.5], [], null])
    const get = async (query: string) =>
      h.call('GET', `/api/runmill/experiments/${f.candidate}/items?${query}`)
    const read: string[] = []
    let cursor: string | null = null
    do {
      const more: string = cursor === null ? '' : `&cursor=${cursor}`
      const { body } = await get(`sort=correct&order=desc&limit=2${more}`)
      read.push(...body.items.map(({ example_id }: { example_id: string }) => example_id))
      cursor = body.next_cursor
    } while (cursor !== null)
    // What has no score comes last; what was not executed is not there.
    expect(read).toEqual([1, 2, 0, 3].map((i) => f.examples[i]))

    const { body } = await get('')
    const second = body.items.find(
      (each: { example_id: string }) => each.example_id === f.examples[1],
    )
    expect(second).toMatchObject({
      inputs_preview: '{"question":1}',
      reference_preview: '"answer 1"',
      measures: { correct: 0.8 },
    })
    expect(second.runs).toHaveLength(2)
    expect(second.previews).toHaveLength(2)
    const failed = body.items.find(
      (each: { example_id: string }) => each.example_id === f.examples[3],
    )
    expect(failed.previews).toMatchObject([{ error: 'failed' }])
  })

  test('an experiment that is under way has the executions that have not ended', async () => {
    const h = await harness()
    const f = await twoExperiments(h, once(1), once(1))
    await h.ingest(rootRun(f.candidate, f.examples[0]!, { endTime: null }))
    const { body } = await h.call('GET', `/api/runmill/experiments/${f.candidate}/items`)
    expect(body.items[0].runs.map(({ status }: { status: string }) => status).toSorted()).toEqual([
      'pending',
      'success',
    ])
  })
})
