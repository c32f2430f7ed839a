import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

const start = '2026-01-21T14:35:42.123456Z'

/** `YYYYMMDDTHHMMSSffffffZ<id>`. */
function segment(id: string, time = start): string {
  return `${time.replaceAll(/[-:.]/g, '')}${id}`
}

async function readRun(h: Harness, id: string): Promise<Answer> {
  return h.call('GET', `/runs/${id}`)
}

/** A tree of runs: a root, two children, and one grandchild under the first child. */
function tree(): { ids: string[]; runs: Record<string, unknown>[] } {
  const ids = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const parents = [null, 0, 0, 1]
  const orders: string[] = []
  const runs = ids.map((id, i) => {
    const time = `2026-01-21T14:35:42.00000${i + 1}Z`
    const parent = parents[i] ?? null
    orders.push((parent === null ? '' : `${orders[parent]}.`) + segment(id, time))
    return {
      id,
      trace_id: ids[0],
      parent_run_id: parent === null ? null : ids[parent],
      dotted_order: orders[i],
      name: `run ${i}`,
      run_type: i === 3 ? 'llm' : 'chain',
      start_time: time,
      session_name: 'trees',
    }
  })
  return { ids, runs }
}

describe('202 POST and PATCH /runs', () => {
  test('a run reads back at once with every key of the schema', async () => {
    const h = await harness()
    const id = randomUUID()
    const sent = {
      id,
      name: 'answer',
      run_type: 'chain',
      start_time: start,
      end_time: 1769006143123,
      inputs: { q: 1 },
      outputs: { a: 'two' },
      tags: ['a', 'b'],
      serialized: { name: 'answer' },
      session_name: 'project',
      extra: { metadata: { k: 'v' }, runtime: { sdk: 'x' }, batch_size: 3 },
      events: [{ name: 'start', time: start, kwargs: {} }],
      child_runs: [],
      api_url: 'noise',
      project_name: 'noise',
    }
    expect(await h.call('POST', '/runs', sent)).toMatchObject({
      status: 202,
      body: { message: expect.any(String) },
    })
    const { status, body } = await readRun(h, id)
    expect(status).toBe(200)
    expect(body).toEqual({
      id,
      name: 'answer',
      run_type: 'chain',
      status: 'success',
      start_time: start,
      end_time: '2026-01-21T14:35:43.123000Z',
      inputs: { q: 1 },
      inputs_preview: '{"q":1}',
      outputs: { a: 'two' },
      outputs_preview: 'two',
      error: null,
      extra: { metadata: { k: 'v' }, runtime: { sdk: 'x' }, batch_size: 3 },
      serialized: { name: 'answer' },
      events: [{ name: 'start', time: start, kwargs: {} }],
      tags: ['a', 'b'],
      trace_id: id,
      dotted_order: segment(id),
      parent_run_id: null,
      execution_order: 1,
      session_id: body.session_id,
      reference_example_id: null,
      total_tokens: 0,
      prompt_tokens: 0,
      completion_tokens: 0,
      total_cost: null,
      prompt_cost: null,
      completion_cost: null,
      feedback_stats: {},
      app_path: `/o/${h.tenant.id}/projects/p/${body.session_id}/r/${id}`,
      manifest_id: null,
      manifest_s3_id: null,
      inputs_s3_urls: null,
      outputs_s3_urls: null,
      s3_urls: null,
      trace_min_start_time: start,
      trace_max_start_time: start,
      child_run_ids: [],
      direct_child_run_ids: [],
      parent_run_ids: [],
      first_token_time: null,
      prompt_token_details: null,
      completion_token_details: null,
      prompt_cost_details: null,
      completion_cost_details: null,
      price_model_id: null,
      reference_dataset_id: null,
      in_dataset: false,
      thread_id: null,
      messages: null,
      share_token: null,
      trace_tier: null,
      trace_first_received_at: null,
      ttl_seconds: null,
      trace_upgrade: false,
      last_queued_at: null,
    })
    const [session] = await h.db`select name from experiments where id = ${body.session_id}`
    expect(session?.name).toBe('project')
  })

  test('a run without an id gets one; equal runs are two runs', async () => {
    const h = await harness()
    const sent = { name: 'nameless', run_type: 'chain', start_time: 1769006142123, inputs: {} }
    for (const more of [{}, { id: null }]) {
      expect((await h.call('POST', '/runs', { ...sent, ...more })).status).toBe(202)
    }
    const [session] = (await h.call('GET', '/sessions?name=default')).body
    const { body } = await h.call('POST', '/runs/query', { session: [session.id] })
    expect(body.runs).toHaveLength(2)
    for (const run of body.runs) {
      expect(run).toMatchObject({ name: 'nameless', trace_id: run.id, parent_run_id: null })
      expect(run.dotted_order).toMatch(new RegExp(`Z${run.id}$`))
    }
  })

  test('the id that is missing is read from the place in the trace, where that is said', async () => {
    const h = await harness()
    const [root, child] = [randomUUID(), randomUUID()]
    const run = { name: 'x', run_type: 'chain', start_time: start }
    const path = `${segment(root)}.${segment(child)}`
    await h.call('POST', '/runs', { ...run, trace_id: root })
    await h.call('POST', '/runs', { ...run, parent_run_id: root, dotted_order: path })
    expect((await readRun(h, root)).body).toMatchObject({ trace_id: root, name: 'x' })
    expect((await readRun(h, child)).body).toMatchObject({ trace_id: root, parent_run_id: root })
    const orphan = { ...run, parent_run_id: root, session_name: 'p' }
    await h.call('POST', '/runs', orphan)
    const { body } = await h.call('POST', '/runs/query', { parent_run: root })
    expect(body.runs).toHaveLength(2)
  })

  test('the three prefixes reach the same run', async () => {
    const h = await harness()
    for (const prefix of ['', '/api', '/api/v1']) {
      const id = randomUUID()
      expect(
        (await h.call('POST', `${prefix}/runs`, { id, name: 'x', run_type: 'tool' })).status,
      ).toBe(202)
      expect((await h.call('PATCH', `${prefix}/runs/${id}`, { outputs: { a: 1 } })).status).toBe(
        202,
      )
      const batch = { patch: [{ id, end_time: start }] }
      expect((await h.call('POST', `${prefix}/runs/batch`, batch)).status).toBe(202)
      await h.drain()
      expect((await h.call('GET', `${prefix}/runs/${id}`)).body).toMatchObject({
        outputs: { a: 1 },
        status: 'success',
      })
    }
  })

  test('an update that arrives before its create takes precedence; the create fills only what is missing', async () => {
    const h = await harness()
    const id = randomUUID()
    const update = {
      name: 'new',
      end_time: '2026-01-21T14:35:50Z',
      outputs: { a: 1 },
      tags: ['new'],
      extra: { metadata: { both: 'update', mine: 1 } },
      events: [{ name: 'end' }],
    }
    const create = {
      id,
      name: 'old',
      run_type: 'chain',
      start_time: start,
      inputs: { q: 1 },
      outputs: {},
      events: [],
      tags: ['old'],
      extra: { metadata: { both: 'create', yours: 2 }, runtime: { sdk: 'py' } },
    }
    expect((await h.call('PATCH', `/runs/${id}`, update)).status).toBe(202)
    expect((await h.call('POST', '/runs', create)).status).toBe(202)
    expect((await readRun(h, id)).body).toMatchObject({
      name: 'new',
      run_type: 'chain',
      start_time: start,
      end_time: '2026-01-21T14:35:50.000000Z',
      inputs: { q: 1 },
      outputs: { a: 1 },
      tags: ['new'],
      events: [{ name: 'end' }],
      extra: { metadata: { both: 'update', mine: 1, yours: 2 }, runtime: { sdk: 'py' } },
      status: 'success',
    })
  })

  test('nulls and empty outputs, events and tags in an update remove nothing', async () => {
    const h = await harness()
    const id = randomUUID()
    const create = {
      id,
      name: 'x',
      run_type: 'chain',
      start_time: start,
      inputs: { q: 1 },
      outputs: { a: 1 },
      events: [{ name: 'start' }],
      tags: ['t'],
      error: 'boom',
      extra: { metadata: { k: 1 } },
    }
    await h.call('POST', '/runs', create)
    const before = (await readRun(h, id)).body
    const nulls = Object.fromEntries(Object.keys(create).map((key) => [key, null]))
    await h.call('PATCH', `/runs/${id}`, {
      ...nulls,
      session_id: null,
      session_name: null,
      trace_id: null,
    })
    await h.call('PATCH', `/runs/${id}`, {
      outputs: {},
      events: [],
      tags: [],
      inputs: {},
      extra: {},
    })
    expect((await readRun(h, id)).body).toEqual(before)
  })

  test('a run that only a PATCH has named can be read once it says what it is, and is pending until then', async () => {
    const h = await harness()
    const id = randomUUID()
    expect(
      (await h.call('PATCH', `/runs/${id}`, { outputs: { a: 1 }, session_name: 'p' })).status,
    ).toBe(202)
    expect((await readRun(h, id)).status).toBe(404)
    const more = {
      name: 'x',
      run_type: 'chain',
      start_time: start,
      trace_id: id,
      dotted_order: segment(id),
    }
    expect((await h.call('PATCH', `/runs/${id}`, more)).status).toBe(202)
    expect((await readRun(h, id)).body).toMatchObject({
      name: 'x',
      outputs: { a: 1 },
      status: 'pending',
      trace_id: id,
    })
  })

  test('a run goes to its session by id, by name, or to the default one; an update stays with its run', async () => {
    const h = await harness()
    const [named, plain, byId] = [randomUUID(), randomUUID(), randomUUID()]
    await h.call('POST', '/runs', {
      id: named,
      name: 'a',
      run_type: 'chain',
      session_name: 'named',
    })
    const sessionId = (await readRun(h, named)).body.session_id
    await h.call('POST', '/runs', {
      id: byId,
      name: 'b',
      run_type: 'chain',
      session_id: sessionId,
      session_name: 'other',
    })
    await h.call('POST', '/runs', { id: plain, name: 'c', run_type: 'chain', session_id: null })
    await h.call('PATCH', `/runs/${named}`, { outputs: { a: 1 } })
    expect((await readRun(h, named)).body).toMatchObject({
      session_id: sessionId,
      outputs: { a: 1 },
    })
    expect((await readRun(h, byId)).body.session_id).toBe(sessionId)
    const names = await h.db`select name from experiments order by name`
    expect(names.map((row) => row.name)).toEqual(['default', 'named'])
  })

  test("a child that names only its parent joins the parent's trace, whichever arrives first", async () => {
    const h = await harness()
    const [root, child] = [randomUUID(), randomUUID()]
    await h.call('POST', '/runs', {
      id: child,
      parent_run_id: root,
      name: 'child',
      run_type: 'tool',
      start_time: start,
    })
    expect((await readRun(h, child)).body).toMatchObject({ parent_run_id: root, status: 'pending' })
    await h.call('POST', '/runs', { id: root, name: 'root', run_type: 'chain', start_time: start })
    expect((await readRun(h, child)).body).toMatchObject({
      trace_id: root,
      parent_run_id: root,
      parent_run_ids: [root],
      dotted_order: `${segment(root)}.${segment(child)}`,
    })
    expect((await readRun(h, root)).body).toMatchObject({
      child_run_ids: [child],
      direct_child_run_ids: [child],
    })
  })

  test('ids of any version and any case are stored in lower case', async () => {
    const h = await harness()
    const id = '01A1FFDB-3227-7000-8000-03050564A6FF'
    const run = { id, trace_id: id, dotted_order: segment(id), name: 'x', run_type: 'chain' }
    expect((await h.call('POST', '/runs', run)).status).toBe(202)
    for (const spelling of [id, id.toLowerCase()]) {
      expect((await readRun(h, spelling)).body).toMatchObject({
        id: id.toLowerCase(),
        trace_id: id.toLowerCase(),
        dotted_order: segment(id.toLowerCase()),
        start_time: start,
      })
    }
  })

  test('absurd times are returned as they were sent', async () => {
    const h = await harness()
    const id = randomUUID()
    const time = '1970-01-21T10:30:06.143402Z'
    const end = '0001-01-01T00:00:00.000001Z'
    const run = {
      id,
      trace_id: id,
      dotted_order: segment(id, time),
      name: 'x',
      run_type: 'chain',
      end_time: end,
    }
    await h.call('POST', '/runs/batch', { post: [run] })
    await h.drain()
    expect((await readRun(h, id)).body).toMatchObject({
      start_time: time,
      end_time: end,
      dotted_order: segment(id, time),
      status: 'success',
    })
  })

  test('without a start in any field, the time of receipt is the start', async () => {
    const h = await harness()
    const id = randomUUID()
    await h.call('POST', '/runs', { id, name: 'x', run_type: 'chain' })
    const { body } = await readRun(h, id)
    expect(body.start_time).toMatch(/^2026-01-21T14:35:42\.\d{6}Z$/)
    expect(body.dotted_order).toBe(segment(id, body.start_time))
  })

  test('numbers, NUL, surrogates and key order survive byte for byte', async () => {
    const h = await harness()
    const id = randomUUID()
    const payload = String.raw`{"z":1.10,"a":12345678901234567890123,"e":1E400,"nul":"\u0000","lone":"\ud83d","pair":"😀","__proto__":{"x":1},"dup":1,"dup":2}`
    const error = String.raw`"Error: \u0000 \ud800"`
    const events = `[{"name":"new_token","time":"2026-01-21T14:35:43Z","kwargs":${payload}}]`
    const body = `{"id":"${id}","name":"n\\u0000\\ud800","run_type":"llm","start_time":"${start}",
      "inputs": ${payload} ,"outputs":${payload},"serialized":${payload},"error":${error},"events":${events},
      "tags":["t\\u0000"],"extra":{"metadata":{"m\\u0000":"v\\ud800","n":10000000000000000000001},"big":1e400}}`
    expect((await h.call('POST', '/runs', body)).status).toBe(202)
    const { text, body: run } = await readRun(h, id)
    for (const name of ['inputs', 'outputs', 'serialized'])
      expect(text).toContain(`"${name}":${payload}`)
    expect(text).toContain(`"error":${error}`)
    expect(text).toContain(`"events":${events}`)
    expect(text).toContain('"n": 10000000000000000000001')
    expect(text).toContain('"big":1e400')
    expect(run).toMatchObject({
      name: 'n\ufffd\ufffd',
      tags: ['t\ufffd'],
      first_token_time: '2026-01-21T14:35:43.000000Z',
    })
    expect(h.errors).toEqual([])
  })

  test('status: an error outranks an end, empty errors do not count, outputs without an end are pending', async () => {
    const h = await harness()
    const cases: [object, string, string | null][] = [
      [{ error: 'boom', end_time: start, outputs: { output: null } }, 'error', 'boom'],
      [{ error: '', end_time: start }, 'success', null],
      [{ outputs: { a: 1 } }, 'pending', null],
    ]
    for (const [fields, status, error] of cases) {
      const id = randomUUID()
      await h.call('POST', '/runs', {
        id,
        name: 'x',
        run_type: 'chain',
        start_time: start,
        ...fields,
      })
      expect((await readRun(h, id)).body).toMatchObject({ status, error })
    }
  })

  test('the thread is the first of three metadata keys that is not null', async () => {
    const h = await harness()
    const cases: [object, string | null][] = [
      [{ session_id: 's', conversation_id: 'c', thread_id: 't' }, 's'],
      [{ session_id: null, conversation_id: null, thread_id: 't' }, 't'],
      [{ conversation_id: 12 }, '12'],
      [{ other: 1 }, null],
    ]
    for (const [metadata, thread] of cases) {
      const id = randomUUID()
      await h.call('POST', '/runs', { id, name: 'x', run_type: 'chain', extra: { metadata } })
      expect((await readRun(h, id)).body.thread_id).toBe(thread)
    }
  })

  test('an update of a running run, repeated after the last update, reverts nothing', async () => {
    const h = await harness()
    const id = randomUUID()
    const start = { name: 'run', run_type: 'chain', start_time: '2026-01-21T14:35:00.000000Z' }
    const running = { ...start, outputs: { text: 'some' }, events: [{ name: 'half' }] }
    const last = {
      ...start,
      end_time: '2026-01-21T14:35:01.000000Z',
      outputs: { text: 'all' },
      events: [{ name: 'half' }, { name: 'done' }],
    }
    await h.call('POST', '/runs', { ...start, id })
    for (const body of [running, last, running]) {
      expect((await h.call('PATCH', `/runs/${id}`, body)).status).toBe(202)
      await h.drain()
    }
    const { body } = await h.call('GET', `/runs/${id}`)
    expect([body.outputs, body.events, body.status]).toEqual([last.outputs, last.events, 'success'])
    // A correction by hand gives no times, so it is the newest.
    await h.call('PATCH', `/runs/${id}`, { outputs: { text: 'corrected' } })
    await h.drain()
    expect((await h.call('GET', `/runs/${id}`)).body.outputs).toEqual({ text: 'corrected' })
  })

  test('repeating a request changes nothing', async () => {
    const h = await harness()
    const id = randomUUID()
    const create = { id, name: 'x', run_type: 'chain', start_time: start, inputs: { q: 1 } }
    await h.call('POST', '/runs', create)
    await h.call('PATCH', `/runs/${id}`, { end_time: start, outputs: { a: 1 } })
    const rows = await h.db`select * from runs`
    expect((await h.call('POST', '/runs', create)).status).toBe(202)
    expect(
      (await h.call('PATCH', `/runs/${id}`, { end_time: start, outputs: { a: 1 } })).status,
    ).toBe(202)
    expect(await h.db`select * from runs`).toEqual(rows)
  })
})

describe('202 POST /runs/batch', () => {
  test('a tree in any order, its updates before its creates, reads back as one trace', async () => {
    const h = await harness()
    const { ids, runs } = tree()
    const patch = runs.map(({ id, trace_id, dotted_order }, i) => ({
      outputs: { n: i },
      end_time: '2026-01-21T14:35:43Z',
      id,
      trace_id,
      dotted_order,
      ...(i === 3
        ? {
            extra: {
              metadata: { usage_metadata: { input_tokens: 3, output_tokens: 4, total_cost: 1e-6 } },
            },
          }
        : {}),
    }))
    expect((await h.call('POST', '/runs/batch', { patch: patch.toReversed() })).status).toBe(202)
    expect((await h.call('POST', '/runs/batch', { post: [runs[3], runs[1]] })).status).toBe(202)
    expect(
      (await h.call('POST', '/runs/batch', { post: [runs[2], runs[0]], patch: [] })).status,
    ).toBe(202)
    await h.drain()
    const [root, child] = [(await readRun(h, ids[0]!)).body, (await readRun(h, ids[1]!)).body]
    expect(root).toMatchObject({
      child_run_ids: [ids[1], ids[3], ids[2]],
      direct_child_run_ids: [ids[1], ids[2]],
      parent_run_ids: [],
      outputs: { n: 0 },
      status: 'success',
      total_tokens: 7,
      total_cost: '0.000001',
      trace_min_start_time: '2026-01-21T14:35:42.000001Z',
      trace_max_start_time: '2026-01-21T14:35:42.000004Z',
    })
    expect(child).toMatchObject({
      child_run_ids: [ids[3]],
      parent_run_ids: [ids[0]],
      parent_run_id: ids[0],
      trace_id: ids[0],
      total_tokens: 0,
      session_id: root.session_id,
    })
    expect((await readRun(h, ids[3]!)).body).toMatchObject({
      parent_run_ids: [ids[0], ids[1]],
      total_tokens: 7,
      prompt_tokens: 3,
    })
  })

  test('a run in both post and patch of one body, with keys in any order, is merged; a repeat changes nothing', async () => {
    const h = await harness()
    const { ids, runs } = tree()
    const patch = runs.map((run) => ({
      ...run,
      name: 'patched',
      outputs: { a: 1 },
      end_time: start,
      session_id: null,
    }))
    const body = {
      patch,
      post: runs.map((run) => ({ ...run, outputs: {}, events: [], inputs: { q: 1 } })),
    }
    await h.call('POST', '/runs/batch', body)
    await h.drain()
    const rows = await h.db`select * from runs order by id`
    const traces = await h.db`select * from traces`
    await h.call('POST', '/runs/batch', body)
    await h.drain()
    expect(rows).toHaveLength(4)
    expect(await h.db`select * from runs order by id`).toEqual(rows)
    expect(await h.db`select * from traces`).toEqual(traces)
    expect((await readRun(h, ids[0]!)).body).toMatchObject({
      name: 'patched',
      outputs: { a: 1 },
      inputs: { q: 1 },
    })
  })

  test('an empty body, null lists and empty lists are accepted', async () => {
    const h = await harness()
    for (const body of [{}, { post: null, patch: null }, { post: [], patch: [] }, { other: 1 }]) {
      expect((await h.call('POST', '/runs/batch', body)).status).toBe(202)
    }
    expect(await h.db`select name from experiments`).toHaveLength(0)
  })

  test('thousands of runs of several projects in one body are all stored', async () => {
    const h = await harness()
    const post = Array.from({ length: 3000 }, (_, i) => ({
      id: randomUUID(),
      name: `run ${i}`,
      run_type: 'chain',
      start_time: start,
      session_name: `project ${i % 3}`,
    }))
    expect((await h.call('POST', '/runs/batch', { post })).status).toBe(202)
    await h.drain()
    const counts = await h.db`
      select count(*) from runs
      join experiments on experiments.tenant_id = runs.tenant_id and experiments.id = runs.experiment_id
      group by experiments.name order by experiments.name`
    expect(counts.map((row) => Number(row.count))).toEqual([1000, 1000, 1000])
  })
})

describe('404', () => {
  test('an unknown run is not found, nor is a run of another tenant or of a deleted project', async () => {
    const h = await harness()
    const id = randomUUID()
    await h.call('POST', '/runs', { id, name: 'x', run_type: 'chain', session_name: 'gone' })
    const notFound = { status: 404, body: { detail: 'Run not found' } }
    expect(await readRun(h, randomUUID())).toMatchObject(notFound)
    const other = await h.addTenant()
    expect(await h.callAs(other, 'GET', `/runs/${id}`)).toMatchObject(notFound)
    expect((await readRun(h, id)).status).toBe(200)
    await h.db`delete from experiments where name = 'gone'`
    expect(await readRun(h, id)).toMatchObject(notFound)
  })

  test("a run is refused when its session_id does not exist, or is another tenant's", async () => {
    const h = await harness()
    const other = await h.addTenant()
    const id = randomUUID()
    await h.callAs(other, 'POST', '/runs', { id, name: 'x', run_type: 'chain' })
    const foreign = (await h.callAs(other, 'GET', `/runs/${id}`)).body.session_id
    for (const sessionId of [randomUUID(), foreign]) {
      const answer = await h.call('POST', '/runs', {
        id: randomUUID(),
        name: 'x',
        run_type: 'chain',
        session_id: sessionId,
      })
      expect(answer).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining('not found') },
      })
    }
    expect(await h.db`select id from runs where tenant_id = ${h.tenant.id}`).toHaveLength(0)
  })

  test('two tenants can each have a run with the same id', async () => {
    const h = await harness()
    const other = await h.addTenant()
    const id = randomUUID()
    await h.call('POST', '/runs', { id, name: 'mine', run_type: 'chain' })
    await h.callAs(other, 'PATCH', `/runs/${id}`, { name: 'theirs', session_name: 'p' })
    expect((await readRun(h, id)).body.name).toBe('mine')
    expect((await h.callAs(other, 'GET', `/runs/${id}`)).body.name).toBe('theirs')
  })
})

describe('400', () => {
  const [root, child, other] = [randomUUID(), randomUUID(), randomUUID()]
  const cases: [string, object, string][] = [
    [
      'a malformed dotted order',
      { id: root, dotted_order: `20260121${root}` },
      "invalid 'dotted_order'",
    ],
    [
      'a dotted order with a day that is none',
      { id: root, dotted_order: segment(root, '2026-02-31T00:00:00.000000Z') },
      "invalid 'dotted_order'",
    ],
    [
      'a child with one part',
      { id: child, parent_run_id: root, dotted_order: segment(child) },
      'must contain at least two parts for child runs',
    ],
    [
      'a root with several parts',
      { id: child, dotted_order: `${segment(root)}.${segment(child)}` },
      'must contain a single part for root runs',
    ],
    [
      'a trace id that is not the first part',
      { id: root, trace_id: other, dotted_order: segment(root) },
      'does not match first part of dotted_order',
    ],
    ['a root of another trace', { id: root, trace_id: other }, 'for root runs'],
    [
      'a last part that is another run',
      { id: root, dotted_order: segment(other) },
      'does not match last part',
    ],
  ]
  test('a run that contradicts its place in the trace is refused with the reason, and nothing is stored', async () => {
    const h = await harness()
    for (const [name, run, message] of cases) {
      const { status, body } = await h.call('POST', '/runs', {
        name: 'x',
        run_type: 'chain',
        ...run,
      })
      expect([name, status]).toEqual([name, 400])
      expect(body.error).toContain('Bad request: ')
      expect(body.error).toContain(message)
    }
    expect(await h.db`select id from runs`).toHaveLength(0)
    expect(await h.db`select id from experiments`).toHaveLength(0)
  })
})

describe('422', () => {
  const id = randomUUID()
  const cases: [string, unknown][] = [
    ['an id that is no UUID', { id: 'x' }],
    ['an id that is a number', { id: 5 }],
    ['an unknown run type', { id, run_type: 'agent' }],
    ['a run type in capitals', { id, run_type: 'LLM' }],
    ['a name that is no string', { id, name: 5 }],
    ['a start that is no time', { id, start_time: 'yesterday' }],
    ['an end beyond the calendar', { id, end_time: 1e300 }],
    ['a parent that is the run itself', { id, parent_run_id: id }],
    ['a trace id that is no UUID', { id, trace_id: 'x' }],
    ['inputs that are a list', { id, inputs: [1] }],
    ['outputs that are text', { id, outputs: 'text' }],
    ['extra that is a number', { id, extra: 5 }],
    ['events that are an object', { id, events: {} }],
    ['an event that is null', { id, events: [{ name: 'start' }, null] }],
    ['a tag that is null', { id, tags: ['a', null] }],
    ['tags that are no strings', { id, tags: [1] }],
    ['a session id that is no UUID', { id, session_id: 'default' }],
    ['a session name that no index can hold', { id, session_name: 'x'.repeat(10_000) }],
    ['a reference example that is no UUID', { id, reference_example_id: 'x' }],
    [
      'a metadata number that jsonb cannot hold',
      `{"id":"${id}","extra":{"metadata":{"a":{"b":1e999999}}}}`,
    ],
    ['a list', []],
    ['text', '"text"'],
    ['null', 'null'],
    ['broken JSON', '{"id":'],
    [
      'JSON nested 1,000 deep',
      `{"id":"${id}","inputs":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`,
    ],
    ['no body', undefined],
  ]
  test('an invalid run is refused, and nothing is stored', async () => {
    const h = await harness()
    for (const [name, body] of cases) {
      const answer = await h.call('POST', '/runs', body)
      expect([name, answer.status, answer.body]).toEqual([
        name,
        422,
        expect.objectContaining({ error: expect.any(String) }),
      ])
    }
    expect(await h.db`select id from runs`).toHaveLength(0)
    expect(await h.db`select id from experiments`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('a malformed id in the path is refused', async () => {
    const h = await harness()
    expect((await h.call('PATCH', '/runs/nothing', { name: 'x' })).body).toHaveProperty('error')
    expect((await h.call('PATCH', '/runs/nothing', { name: 'x' })).status).toBe(422)
    expect(await h.call('GET', '/runs/nothing')).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['path', 'run_id'] }] },
    })
  })

  test('a batch stores its good runs, and names its bad ones with reasons', async () => {
    const h = await harness()
    const [good, patched, bad, orphan] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
    const answer = await h.call('POST', '/runs/batch', {
      post: [
        { id: bad, name: 'x', run_type: 'agent', session_name: 'never' },
        { id: good, name: 'good', run_type: 'chain' },
        'nonsense',
        { id: orphan, name: 'x', run_type: 'chain', session_id: randomUUID() },
      ],
      patch: [
        { id: patched, name: 'patched', run_type: 'chain', session_name: 'p' },
        { name: 'no id' },
      ],
    })
    expect(answer.status).toBe(422)
    expect(answer.body.error).toContain(bad)
    expect(answer.body.error).toContain(orphan)
    const details = JSON.parse(answer.body.details)
    expect(details.map((detail: { loc: unknown[] }) => detail.loc.slice(0, 3))).toEqual([
      ['body', 'post', 2],
      ['body', 'post', 0],
      ['body', 'patch', 1],
      ['body', 'post', 3],
    ])
    await h.drain()
    expect((await readRun(h, good)).body.name).toBe('good')
    expect((await readRun(h, patched)).body.name).toBe('patched')
    const names = await h.db`select name from experiments order by name`
    expect(names.map((row) => row.name)).toEqual(['default', 'p'])
  })

  test('a batch of another shape is refused', async () => {
    const h = await harness()
    for (const body of [[], '"x"', { post: {} }, { post: 'x' }, { patch: 5 }, undefined]) {
      expect(await h.call('POST', '/runs/batch', body)).toMatchObject({
        status: 422,
        body: { error: expect.any(String) },
      })
    }
    expect(h.errors).toEqual([])
  })
})
