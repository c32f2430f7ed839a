import { expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { insertKey } from '../../support/tenant.ts'

/*
 * What the dialects cannot set is written by these routes. test/cli/import compares two whole tenants.
 */

const at = (second: number) => `2026-01-0${second}T00:00:00.000000Z`

async function importer(h: Harness) {
  const key = await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin'])
  return async (what: string, body: object) =>
    h.call('POST', `/api/runmill/import/${what}`, body, { 'x-api-key': key })
}

const dataset = (id: string, name: string) => ({
  id,
  name,
  created_at: at(1),
  updated_at: at(2),
})

const experiment = (id: string, more = {}) => ({
  id,
  name: 'an experiment',
  is_named_in_tenant: true,
  start_time: at(1),
  created_at: at(1),
  updated_at: at(1),
  ...more,
})

test('versions of an example come in any order, and end where the next one begins', async () => {
  const h = await harness()
  const send = await importer(h)
  expect((await send('datasets', dataset('a dataset', 'questions'))).status).toBe(200)
  const version = (from: number, to: number | null, q: string) => ({
    id: 'an item',
    valid_from: at(from),
    valid_to: to === null ? null : at(to),
    inputs: { q },
  })
  const write = async (...versions: object[]) =>
    send('examples', { dataset_id: 'a dataset', versions })
  const shown = async () => {
    const read = async (second: number) => {
      const path = `/api/public/dataset-items?datasetName=questions&version=${at(second)}`
      return (await h.call('GET', path)).body.data.map(
        (item: { input: { q: string } }) => item.input.q,
      )
    }
    return Promise.all([1, 2, 3, 4, 5, 6].map(read))
  }
  const all = [[], ['a'], ['a'], ['b'], ['c'], ['c']]
  await write(version(4, null, 'b'))
  await write(version(2, 4, 'a'))
  // It is newer than what was the current one, and its end was not told.
  expect((await write(version(5, null, 'c'))).body).toEqual({ written: 1 })
  expect(await shown()).toEqual(all)
  await write(version(5, null, 'changed'), version(2, 3, 'a'), version(4, null, 'b'))
  all[2] = []
  expect(await shown()).toEqual(all)
  await write(version(5, 6, 'c'))
  all[5] = []
  expect(await shown()).toEqual(all)
  const { id } = (await h.call('GET', '/datasets?name=questions')).body[0]
  const versions = (await h.call('GET', `/datasets/${id}/versions`)).body
  expect(versions.map((one: { as_of: string }) => one.as_of)).toEqual([6, 5, 4, 3, 2].map(at))
})

test('an example that was deleted here stays deleted, and so does a version that ended', async () => {
  const h = await harness()
  const send = await importer(h)
  await send('datasets', dataset('a dataset', 'questions'))
  const versions = [{ id: 'an item', valid_from: at(1), inputs: { q: 1 } }]
  const listed = async () => (await h.call('GET', '/api/public/dataset-items')).body.data
  await send('examples', { dataset_id: 'a dataset', versions })
  expect(await listed()).toHaveLength(1)
  await h.call('DELETE', '/api/public/dataset-items/an%20item')
  expect((await send('examples', { dataset_id: 'a dataset', versions })).status).toBe(200)
  expect(await listed()).toEqual([])
})

test('one example that comes into two datasets at once is in one of them, and the other is refused with 409', async () => {
  const h = await harness()
  const send = await importer(h)
  await send('datasets', dataset('first', 'questions'))
  await send('datasets', dataset('second', 'others'))
  for (const round of Array.from({ length: 10 }, (_, i) => i)) {
    const write = async (id: string, day: number) =>
      send('examples', {
        dataset_id: id,
        versions: [{ id: `item ${round}`, valid_from: at(day) }],
      })
    const answers = await Promise.all([write('first', 1), write('second', 1 + (round % 2))])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
  }
})

test('a version of a time at which another dataset had the example is refused', async () => {
  const h = await harness()
  const send = await importer(h)
  await send('datasets', dataset('first', 'questions'))
  await send('datasets', dataset('second', 'others'))
  const version = { id: 'an item', valid_from: at(1), valid_to: at(2) }
  const twice = [version, { ...version, valid_to: at(3) }]
  expect((await send('examples', { dataset_id: 'first', versions: twice })).status).toBe(200)
  expect(await send('examples', { dataset_id: 'second', versions: [version] })).toMatchObject({
    status: 409,
    body: { error: expect.stringMatching(/^Another dataset has the examples /) },
  })
  const later = { ...version, valid_from: at(4), valid_to: null }
  expect((await send('examples', { dataset_id: 'second', versions: [later] })).status).toBe(200)
})

test('a baseline stays as it is unless it is given', async () => {
  const h = await harness()
  const send = await importer(h)
  const write = async (more = {}) => send('datasets', { ...dataset('a', 'questions'), ...more })
  const { id } = (await write({ baseline_experiment_id: 'run' })).body
  const baseline = async () =>
    (await h.call('GET', `/datasets/${id}`)).body.baseline_experiment_id as string | null
  const made = await baseline()
  expect(made).not.toBeNull()
  await write()
  expect(await baseline()).toBe(made)
  await write({ baseline_experiment_id: null })
  expect(await baseline()).toBeNull()
})

test('a later write is a version after those that were imported, although they are of the future', async () => {
  const h = await harness()
  const send = await importer(h)
  await send('datasets', dataset('a dataset', 'questions'))
  const versions = [{ id: 'an item', valid_from: '2030-01-01T00:00:00Z', inputs: { q: 1 } }]
  await send('examples', { dataset_id: 'a dataset', versions })
  const body = { datasetName: 'questions', id: 'an item', input: { q: 2 } }
  const { updatedAt } = (await h.call('POST', '/api/public/dataset-items', body)).body
  expect(updatedAt).toBe('2030-01-01T00:00:00.001Z')
})

test('a name that another one has is refused with 409, and so is what is in another dataset; what was deleted here with 404', async () => {
  const h = await harness()
  const send = await importer(h)
  await send('datasets', dataset('first', 'questions'))
  expect(await send('datasets', dataset('second', 'questions'))).toMatchObject({
    status: 409,
    body: { error: 'Another dataset is named questions' },
  })
  await send('datasets', dataset('second', 'others'))
  const versions = [{ id: 'an item', valid_from: at(1) }]
  expect((await send('examples', { dataset_id: 'first', versions })).status).toBe(200)
  const elsewhere = await send('examples', { dataset_id: 'second', versions })
  expect(elsewhere.status).toBe(409)
  expect((await send('experiments', experiment('one'))).status).toBe(200)
  expect((await send('experiments', experiment('other'))).status).toBe(409)
  const named = experiment('other', { dataset_id: 'first', is_named_in_tenant: false })
  expect((await send('experiments', named)).status).toBe(200)
  const { body: made } = await send('experiments', experiment('one', { name: 'renamed' }))
  expect((await h.call('GET', `/sessions/${made.id}`)).body.name).toBe('renamed')
  expect((await h.call('DELETE', `/sessions/${made.id}`)).status).toBe(200)
  expect((await send('experiments', experiment('one'))).status).toBe(404)
})

test('an imported score config keeps an id that is no UUID, and scores that name it are found by it', async () => {
  const h = await harness()
  const send = await importer(h)
  const config = {
    id: 'cm-1',
    name: 'grade',
    data_type: 'NUMERIC',
    is_archived: false,
    max_value: 5,
    created_at: at(1),
    updated_at: at(2),
  }
  expect((await send('score-configs', config)).status).toBe(200)
  const score = { traceId: 't', name: 'x', value: 4, configId: 'cm-1' }
  expect((await h.call('POST', '/api/public/scores', score)).status).toBe(200)
  expect((await h.call('POST', '/api/public/scores', { ...score, value: 6 })).status).toBe(400)
  expect((await h.call('GET', '/api/public/v2/scores?configId=cm-1')).body.data).toMatchObject([
    { name: 'grade', configId: 'cm-1' },
  ])
  expect((await h.call('GET', '/api/public/score-configs/cm-1')).body).toMatchObject({
    id: 'cm-1',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-02T00:00:00.000Z',
  })
})

test('only a key of the scope admin sets the times of what it sends to Langfuse’s ingestion', async () => {
  const h = await harness()
  const key = await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin'])
  const times = { createdAt: '2020-01-01T00:00:00.000Z', updatedAt: '2020-01-02T00:00:00.000Z' }
  const batch = (id: string) => ({
    batch: [{ id, type: 'trace-create', timestamp: at(5), body: { id, ...times } }],
  })
  const headers = { authorization: `Bearer ${key}` }
  await h.call('POST', '/api/public/ingestion', batch('imported'), headers)
  await h.call('POST', '/api/public/ingestion', batch('sent'))
  await h.drain()
  expect((await h.call('GET', '/api/public/traces/imported')).body).toMatchObject(times)
  const sent = (await h.call('GET', '/api/public/traces/sent')).body
  expect(sent.createdAt).not.toBe(times.createdAt)
  expect(sent.updatedAt).not.toBe(times.updatedAt)
})
