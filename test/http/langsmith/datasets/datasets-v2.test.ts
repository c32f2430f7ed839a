import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows } from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

const url = '/api/v2/datasets'

async function world(h: Harness): Promise<string[]> {
  const ids: string[] = []
  for (const [name, data_type] of [
    ['b one', 'kv'],
    ['a two', 'llm'],
    ['c One', 'kv'],
  ]) {
    const body = { name, data_type, extra: { metadata: { name } } }
    ids.push((await h.call('POST', '/datasets', body)).body.id)
  }
  return ids
}

async function readAll(h: Harness, query: string): Promise<string[]> {
  const seen: string[] = []
  let cursor = ''
  do {
    const answer: Answer = await h.call('GET', `${url}?page_size=1&${query}${cursor}`)
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.items.length).toBeLessThanOrEqual(1)
    seen.push(...answer.body.items.map(({ name }: { name: string }) => name))
    cursor = answer.body.next_cursor === null ? '' : `&cursor=${answer.body.next_cursor}`
  } while (cursor !== '')
  return seen
}

describe('200', () => {
  test('a dataset looks as in v1', async () => {
    const h = await harness()
    const [, id] = await world(h)
    const { body } = await h.call('GET', `${url}?id=${id}`)
    const v1 = await h.call('GET', `/datasets?id=${id}`)
    expect(body).toEqual({ items: v1.body, next_cursor: null })
    const uncounted = await h.call('GET', `${url}?id=${id}&exclude=example_count`)
    expect(uncounted.body.items).toMatchObject([{ id, example_count: null }])
  })

  test.each<[string, string[]]>([
    ['sort_by=name&sort_order=asc', ['a two', 'b one', 'c One']],
    ['sort_by=name', ['c One', 'b one', 'a two']],
    ['sort_by=created_at&sort_order=asc', ['b one', 'a two', 'c One']],
    ['sort_by=created_at', ['c One', 'a two', 'b one']],
    ['sort_by=modified_at', ['c One', 'a two', 'b one']],
    // Only `a two` has an experiment; of the others the newer one comes first.
    ['', ['a two', 'c One', 'b one']],
    ['sort_order=asc', ['a two', 'c One', 'b one']],
    ['sort_by=session_count', ['a two', 'c One', 'b one']],
    ['sort_by=session_count&sort_order=asc', ['c One', 'b one', 'a two']],
    ['sort_by=example_count', ['c One', 'a two', 'b one']],
    ['name=b one', ['b one']],
    ['name_contains=ONE', ['c One', 'b one']],
    ['data_type=llm', ['a two']],
    ['metadata={"name":"c One"}', ['c One']],
    [`tag_value_id=${randomUUID()}`, []],
  ])('pages of one lead through the list: %s', async (query, expected) => {
    const h = await harness()
    const [, id] = await world(h)
    await comparisonRows(h.db, h.tenant.id).experiment(id!)
    expect(await readAll(h, encodeURI(query))).toEqual(expected)
  })

  test('a dataset that is deleted between two pages moves no other', async () => {
    const h = await harness()
    const ids = await world(h)
    const list = `${url}?sort_by=created_at&page_size=1`
    const first = await h.call('GET', list)
    await h.call('DELETE', `/datasets/${ids[2]}`)
    const second = await h.call('GET', `${list}&cursor=${first.body.next_cursor}`)
    expect(second.body.items).toMatchObject([{ id: ids[1] }])
  })
})

describe('problem details', () => {
  test.each([
    ['page_size=0', 422],
    ['page_size=101', 422],
    ['sort_by=size', 422],
    ['sort_order=DOWN', 422],
    ['cursor=x', 400],
  ])('%s', async (query, status) => {
    const h = await harness()
    const answer = await h.call('GET', `${url}?${query}`)
    expect(answer).toMatchObject({ status, body: { type: 'about:blank', status } })
  })

  test('a cursor is refused in a list of another order', async () => {
    const h = await harness()
    await world(h)
    const { body } = await h.call('GET', `${url}?page_size=1`)
    const answer = await h.call('GET', `${url}?sort_by=name&cursor=${body.next_cursor}`)
    expect(answer.status).toBe(400)
  })
})
