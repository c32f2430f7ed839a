import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'

interface Comparable {
  datasetId: string
  /** Makes a dataset with two experiments. */
  sessions: [string, string]
}

async function makeDataset(h: Harness): Promise<string> {
  return (await h.call('POST', '/datasets', { name: randomUUID() })).body.id
}

async function makeSession(h: Harness, datasetId: string | null, name: string): Promise<string> {
  const body = { name, reference_dataset_id: datasetId }
  return (await h.call('POST', '/sessions', body)).body.id
}

async function comparable(h: Harness): Promise<Comparable> {
  const datasetId = await makeDataset(h)
  const sessions: [string, string] = [
    await makeSession(h, datasetId, 'exp-a'),
    await makeSession(h, datasetId, 'exp-b'),
  ]
  return { datasetId, sessions }
}

async function list(h: Harness, datasetId: string, query = ''): Promise<Record<string, unknown>[]> {
  const { status, body } = await h.call('GET', `/datasets/${datasetId}/comparative?${query}`)
  expect(status).toBe(200)
  return body
}

describe('200 POST /datasets/comparative', () => {
  test('what evaluateComparative sends is stored under its id and listed with its experiments', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const sent = {
      id: randomUUID(),
      name: 'exp-a vs. exp-b',
      experiment_ids: [sessions[1], sessions[0]],
      reference_dataset_id: datasetId,
      created_at: '2026-11-21T20:45:18.328Z',
      extra: { n: 1.0 },
    }
    const { status, body } = await h.call('POST', '/datasets/comparative', sent)
    expect(status).toBe(200)
    expect(body).toEqual({
      id: sent.id,
      name: sent.name,
      description: null,
      tenant_id: h.tenant.id,
      created_at: '2026-11-21T20:45:18.328000Z',
      modified_at: '2026-11-21T20:45:18.328000Z',
      reference_dataset_id: datasetId,
      extra: { n: 1 },
    })
    expect(await list(h, datasetId)).toEqual([
      {
        ...body,
        experiments_info: [
          { id: sessions[1], name: 'exp-b' },
          { id: sessions[0], name: 'exp-a' },
        ],
        feedback_stats: {},
      },
    ])
  })

  test('experiments are enough: their dataset is taken', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const { status, body } = await h.call('POST', '/datasets/comparative', {
      experiment_ids: sessions,
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ name: null, extra: null, reference_dataset_id: datasetId })
  })

  test('the same request sent again has the same answer and adds nothing', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const sent = { id: randomUUID(), name: 'c', experiment_ids: sessions, extra: { a: 1 } }
    const [first, ...again] = await Promise.all(
      Array.from({ length: 4 }, () => h.call('POST', '/datasets/comparative', sent)),
    )
    expect(first!.status).toBe(200)
    for (const answer of again) expect(answer.body).toEqual(first!.body)
    expect(await list(h, datasetId)).toHaveLength(1)
  })
})

describe('4xx POST /datasets/comparative', () => {
  test('409 for an id that belongs to another comparison', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const sent = { id: randomUUID(), name: 'c', experiment_ids: sessions }
    await h.call('POST', '/datasets/comparative', sent)
    for (const change of [
      { name: 'd' },
      { experiment_ids: sessions.toReversed() },
      { extra: {} },
    ]) {
      const { status } = await h.call('POST', '/datasets/comparative', { ...sent, ...change })
      expect(status).toBe(409)
    }
    expect(await list(h, datasetId)).toMatchObject([{ name: 'c', extra: null }])
  })

  test('400 unless all experiments are on one dataset, which is also the one named', async () => {
    const h = await harness()
    const { sessions } = await comparable(h)
    const otherId = await makeDataset(h)
    const foreign = await makeSession(h, otherId, 'foreign')
    const plain = await makeSession(h, null, 'plain')
    for (const body of [
      { experiment_ids: [sessions[0], foreign] },
      { experiment_ids: [sessions[0], plain] },
      { experiment_ids: [plain] },
      { experiment_ids: sessions, reference_dataset_id: otherId },
      { experiment_ids: sessions, reference_dataset_id: randomUUID() },
    ]) {
      expect((await h.call('POST', '/datasets/comparative', body)).status).toBe(400)
    }
  })

  test('404 for an experiment that does not exist, or no longer exists', async () => {
    const h = await harness()
    const { sessions } = await comparable(h)
    const unknown = { experiment_ids: [sessions[0], randomUUID()] }
    const answer = await h.call('POST', '/datasets/comparative', unknown)
    expect(answer.status).toBe(404)
    expect(answer.text).toContain('not found')
    await h.call('DELETE', `/sessions/${sessions[1]}`)
    const deleted = { experiment_ids: sessions }
    expect((await h.call('POST', '/datasets/comparative', deleted)).status).toBe(404)
  })

  test('422 for malformed input, and nothing is stored', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const valid = { experiment_ids: sessions }
    for (const body of [
      {},
      [],
      '{',
      { experiment_ids: [] },
      { experiment_ids: sessions[0] },
      { experiment_ids: ['x'] },
      { ...valid, id: 'x' },
      { ...valid, name: 7 },
      { ...valid, extra: [] },
      { ...valid, created_at: 'yesterday' },
      { ...valid, reference_dataset_id: 'x' },
      `{"experiment_ids":${'['.repeat(1000)}${']'.repeat(1000)}}`,
    ]) {
      const { status } = await h.call('POST', '/datasets/comparative', body)
      expect(status, JSON.stringify(body).slice(0, 100)).toBe(422)
    }
    expect(await list(h, datasetId)).toEqual([])
    const odd = { ...valid, name: 'a\0\ud800', extra: { n: '\0\ud800' } }
    const { body } = await h.call('POST', '/datasets/comparative', odd)
    expect(body.name).toBe('a\ufffd\ufffd')
    expect(h.errors).toEqual([])
  })
})

describe('GET /datasets/{id}/comparative', () => {
  test('200: filters, order and pages', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const ids: string[] = []
    for (const name of ['beta', 'alpha', 'Alphabet']) {
      const sent = { name, experiment_ids: sessions }
      ids.push((await h.call('POST', '/datasets/comparative', sent)).body.id)
    }
    const names = async (query: string) => (await list(h, datasetId, query)).map((c) => c.name)
    expect(await names('')).toEqual(['Alphabet', 'alpha', 'beta'])
    expect(await names('sort_by_desc=false')).toEqual(['beta', 'alpha', 'Alphabet'])
    const two = `sort_by=name&id=${ids[0]}&id=${ids[1]}`
    expect(await names(two)).toEqual(['beta', 'alpha'])
    expect(await names(`${two}&sort_by_desc=false`)).toEqual(['alpha', 'beta'])
    expect(await names('name=alpha')).toEqual(['alpha'])
    expect(await names('name_contains=ALPHA&sort_by_desc=False')).toEqual(['alpha', 'Alphabet'])
    expect(await names(`id=${ids[0]}&id=${ids[1]}&id=${randomUUID()}`)).toEqual(['alpha', 'beta'])
    expect(await names('limit=1&offset=1')).toEqual(['alpha'])
    expect(await list(h, await makeDataset(h))).toEqual([])
  })

  test('200: feedback of the comparison is counted here, and nowhere in its experiments', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const { body } = await h.call('POST', '/datasets/comparative', { experiment_ids: sessions })
    const runs = sessions.map((sessionId) => ({ id: randomUUID(), sessionId }))
    for (const [i, run] of runs.entries()) {
      await h.call('POST', '/runs', {
        id: run.id,
        name: 'target',
        run_type: 'chain',
        start_time: '2026-01-21T14:35:42.000001Z',
        session_id: run.sessionId,
      })
      await h.call('POST', '/feedback', {
        run_id: run.id,
        trace_id: run.id,
        key: 'pref',
        score: i,
        comparative_experiment_id: body.id,
        session_id: run.sessionId,
      })
    }
    const [comparison] = await list(h, datasetId)
    expect(comparison!.feedback_stats).toEqual({ pref: { n: 2, avg: 0.5, values: {} } })
    for (const id of sessions) {
      const { body: session } = await h.call('GET', `/sessions/${id}?include_stats=true`)
      expect(session.feedback_stats).toEqual({})
    }
  })

  test('200: a deleted experiment is no longer among those compared', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    await h.call('POST', '/datasets/comparative', { experiment_ids: sessions })
    await h.call('DELETE', `/sessions/${sessions[0]}`)
    const [comparison] = await list(h, datasetId)
    expect(comparison!.experiments_info).toEqual([{ id: sessions[1], name: 'exp-b' }])
  })

  test('404 for an unknown or deleted dataset, 422 for malformed input', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    await h.call('POST', '/datasets/comparative', { experiment_ids: sessions })
    expect((await h.call('GET', `/datasets/${randomUUID()}/comparative`)).status).toBe(404)
    for (const query of ['id=x', 'limit=0', 'limit=101', 'offset=-1', 'sort_by=size']) {
      const { status } = await h.call('GET', `/datasets/${datasetId}/comparative?${query}`)
      expect(status, query).toBe(422)
    }
    await h.call('DELETE', `/datasets/${datasetId}`)
    expect((await h.call('GET', `/datasets/${datasetId}/comparative`)).status).toBe(404)
    expect(h.errors).toEqual([])
  })
})

describe('DELETE /datasets/comparative/{id}', () => {
  test('200: it is deleted with its feedback, and late feedback with the same id does not bring it back', async () => {
    const h = await harness()
    const { datasetId, sessions } = await comparable(h)
    const { body } = await h.call('POST', '/datasets/comparative', { experiment_ids: sessions })
    const runId = randomUUID()
    const pairwise = {
      id: randomUUID(),
      run_id: runId,
      key: 'pref',
      score: 1,
      comparative_experiment_id: body.id,
    }
    await h.call('POST', '/feedback', pairwise)
    await h.call('POST', '/feedback', { run_id: runId, key: 'plain', score: 1 })
    expect((await h.call('DELETE', `/datasets/comparative/${body.id}`)).status).toBe(200)
    await h.call('POST', '/feedback', pairwise)
    await h.drain()
    const { body: left } = await h.call('GET', `/feedback?run=${runId}`)
    expect(left.map((feedback: { key: string }) => feedback.key)).toEqual(['plain'])
    expect(await list(h, datasetId)).toEqual([])
    expect((await h.call('GET', `/sessions/${sessions[0]}`)).status).toBe(200)
  })

  test('404 for an unknown comparison and for a second deletion; 422 for an id that is not a UUID', async () => {
    const h = await harness()
    const { sessions } = await comparable(h)
    const { body } = await h.call('POST', '/datasets/comparative', { experiment_ids: sessions })
    await h.call('DELETE', `/datasets/comparative/${body.id}`)
    expect((await h.call('DELETE', `/datasets/comparative/${body.id}`)).status).toBe(404)
    expect((await h.call('DELETE', `/datasets/comparative/${randomUUID()}`)).status).toBe(404)
    expect((await h.call('DELETE', '/datasets/comparative/x')).status).toBe(422)
  })
})

test("another tenant's experiments, datasets and comparisons are not found", async () => {
  const h = await harness()
  const { datasetId, sessions } = await comparable(h)
  const sent = { id: randomUUID(), experiment_ids: sessions }
  await h.call('POST', '/datasets/comparative', sent)
  const other = await h.addTenant()
  expect((await h.callAs(other, 'POST', '/datasets/comparative', sent)).status).toBe(404)
  expect((await h.callAs(other, 'GET', `/datasets/${datasetId}/comparative`)).status).toBe(404)
  expect((await h.callAs(other, 'DELETE', `/datasets/comparative/${sent.id}`)).status).toBe(404)
  expect(await list(h, datasetId)).toHaveLength(1)
})
