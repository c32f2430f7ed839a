import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ownDocument } from '../scripts/own-document.ts'
import { findLeft, readLeft, servedOperations, withServed } from '../scripts/supported-document.ts'
import { harness } from './support/harness.ts'

const document = await ownDocument()
const text = readFileSync(new URL('../docs/supported.md', import.meta.url), 'utf8')

test('docs/supported.md lists every operation that is served (npx tsx scripts/supported.ts writes it)', async () => {
  expect(text).toBe(withServed(text, document))
})

test('nothing that is served is listed as not served', async () => {
  const left = readLeft(text)
  const served = [...servedOperations(document).values()].flat()
  expect(
    served.filter((operation) => findLeft(left, operation.split(' ')[1]!) !== undefined),
  ).toEqual([])
})

test('what is not served is answered as the document says, in the shape of its neighbours', async () => {
  const h = await harness()
  const left = readLeft(text)
  expect(left.length).toBeGreaterThan(30)
  for (const { path, status } of left) {
    const answer = await h.call(
      'GET',
      path.replaceAll('{}', 'x').replace('/*', '/x').replace('*', ''),
    )
    expect([path, answer.status]).toEqual([path, status])
    const key = path.startsWith('/api/public/')
      ? 'message'
      : path.startsWith('/platform/')
        ? 'error'
        : 'detail'
    expect(answer.body, path).toHaveProperty(key)
  }
})
