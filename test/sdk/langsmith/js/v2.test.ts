import { randomUUID } from 'node:crypto'
import { Client } from 'langsmith-newest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type RunningServer } from '../server.ts'

/** The v2 resources of the newest npm package `langsmith`, unmodified, against the real process. */

let server: RunningServer
let client: Client
let project: string

const thread = 'thread ä/1'
const ids = [randomUUID(), randomUUID(), randomUUID()] as const
const start = Date.now() - 60_000

beforeAll(async () => {
  server = await startServer('postgres')
  client = new Client({
    apiUrl: server.url,
    apiKey: server.tenant.secretKey,
    autoBatchTracing: false,
  })
  for (const [i, id] of ids.entries()) {
    await client.createRun({
      id,
      name: `run ${i}`,
      run_type: 'llm',
      inputs: { i },
      outputs: { usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
      project_name: 'v2',
      start_time: start + i * 1000,
      end_time: start + i * 1000 + 500,
      extra: { metadata: { thread_id: thread, session_id: null, conversation_id: null } },
    })
  }
  project = (await client.readProject({ projectName: 'v2' })).id
})

afterAll(async () => server.stop())

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

test('traces are read page by page, and as a stream', async () => {
  const asked = {
    project_id: project,
    page_size: 2,
    selects: ['NAME' as const, 'TOTAL_TOKENS' as const],
  }
  const expected = [2, 1, 0].map((i) => ({
    root_run: { name: `run ${i}` },
    trace_aggregates: { total_tokens: 3 },
  }))
  expect(await all(client.traces.query(asked))).toEqual(expected)
  expect(await all(client.traces.streaming.queryItems(asked))).toEqual(expected)
  const runs = { project_ids: [project], page_size: 2 }
  expect(await all(client.runs.queryV2(runs))).toEqual([2, 1, 0].map((i) => ({ id: ids[i] })))
  const { items } = await client.traces.listRuns(ids[0], { project_id: project })
  expect(items).toEqual([{ id: ids[0] }])
})

test('a thread, its turns and its statistics', async () => {
  const [found, ...others] = await all(client.threads.query({ project_id: project }))
  expect(others).toEqual([])
  expect(found).toMatchObject({
    thread_id: thread,
    count: 3,
    first_trace_id: ids[0],
    last_trace_id: ids[2],
    total_tokens: 9,
    latency_p50: 0.5,
  })
  expect(await all(client.threads.streaming.queryItems({ project_id: project }))).toEqual([found])
  const turns = client.threads.listTraces(thread, {
    project_id: project,
    page_size: 2,
    selects: ['TURN_NUMBER'],
  })
  expect(await all(turns)).toEqual([2, 1, 0].map((i) => ({ trace_id: ids[i], turn_number: i + 1 })))
  const one = { session_id: project, selects: ['TURNS' as const, 'TOTAL_TOKENS' as const] }
  expect(await client.threads.stats(thread, one)).toEqual({ turns: 3, total_tokens: 9 })
  const whole = { project_id: project, select: ['THREAD_COUNT' as const, 'TRACE_COUNT' as const] }
  expect(await client.threads.aggregateStats(whole)).toEqual({ thread_count: 1, trace_count: 3 })
})

test('a trace is shared until it is unshared, and has a page', async () => {
  const id = ids[0]
  const { share_token: token } = await client.runs.share.create(id, {
    session_id: project,
    trace_id: id,
  })
  const shared = await client.public.runs.query(token!, { selects: ['ID', 'START_TIME'] })
  expect(shared.items).toEqual([{ id, start_time: expect.any(String) }])
  const run = await client.public.runs.retrieve(id, {
    share_token: token!,
    selects: ['NAME'],
    start_time: shared.items![0]!.start_time!,
  })
  expect(run).toEqual({ name: 'run 0' })
  await client.runs.share.delete(id, { session_id: project })
  await client.runs.share.delete(id, { session_id: project })
  await expect(client.public.runs.query(token!, {})).rejects.toMatchObject({ status: 404 })
  const { url } = await client.runs.getURL(id, { project_id: project, trace_id: id })
  expect(url).toBe(`${server.url}/o/${server.tenant.id}/projects/p/${project}/r/${id}`)
})

test('datasets are read page by page', async () => {
  for (const name of ['a', 'b', 'c']) await client.createDataset(name)
  const listed = client.datasets.listV2({ page_size: 2, sort_by: 'name', sort_order: 'asc' })
  expect((await all(listed)).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})
