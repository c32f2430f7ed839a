import { afterAll, beforeAll, expect, test } from 'vitest'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { runGenerated, type Parameter } from '../../src/store/statements.ts'
import { textArray } from '../../src/store/text-array.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

async function roundTrip(...parameters: Parameter[]): Promise<object[]> {
  const text = `-- name: text_array_list
select a, b, $3::text as c from unnest($1::text[], $2::text[]) as given (a, b)`
  return [...(await runGenerated<object>(db, text, parameters))]
}

test('texts arrive as they are, beside values in the text format', async () => {
  const texts = ['', '{"a":"\\"\\\\,{}"}', 'NULL', null, 'ä€😀', '\ud83d', 'x'.repeat(100_000)]
  const plain = texts.map((_, i) => String(i))
  // A lone surrogate has no UTF-8 and becomes the replacement character, as in the text format.
  const arrived = texts.map((text) => (text === '\ud83d' ? '\ufffd' : text))
  expect(await roundTrip(textArray(texts), plain, 'c')).toEqual(
    arrived.map((a, i) => ({ a, b: String(i), c: 'c' })),
  )
  expect(await roundTrip(textArray(plain), texts, null)).toEqual(
    arrived.map((b, i) => ({ a: String(i), b, c: null })),
  )
})

test('an array of nulls is no array, and the rows of the others have nulls there', async () => {
  expect(textArray([null, null])).toBeNull()
  expect(await roundTrip(textArray([null, null]), textArray(['1', '2']), 'c')).toEqual([
    { a: null, b: '1', c: 'c' },
    { a: null, b: '2', c: 'c' },
  ])
})

test('NUL is refused, and the connection continues to work', async () => {
  await expect(roundTrip(textArray(['a\0b']), textArray(['1']), 'c')).rejects.toMatchObject({
    code: '22021',
  })
  expect(await roundTrip(textArray(['a']), textArray(['1']), 'c')).toEqual([
    { a: 'a', b: '1', c: 'c' },
  ])
})
