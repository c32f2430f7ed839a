import { appendFile, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { openState } from '../../../src/cli/import/state.ts'

test('what was noted is found again, also after a line that was cut off, and each step adds one line', async () => {
  const file = join(await mkdtemp(join(inject('scratchFolder'), 'state-')), 'state.json')
  const first = await openState(file, 'this')
  await Promise.all([
    first.advance('a', 'here', { runs: 2 }),
    first.advance('b', null, { runs: 1 }),
  ])
  const before = await readFile(file, 'utf8')
  await first.advance('a', 'there', { runs: 3 })
  const after = await readFile(file, 'utf8')
  expect(after.startsWith(before)).toBe(true)
  expect(after.slice(before.length).trim().split('\n')).toHaveLength(1)
  await appendFile(file, '\n{"unit":"a","pla')
  const second = await openState(file, 'this')
  await second.advance('c', '', { runs: 4 })
  const third = await openState(file, 'this')
  expect(third.startedAt).toBe(first.startedAt)
  expect(['a', 'b', 'c', 'd'].map((unit) => third.placeOf(unit))).toEqual(['there', null, '', ''])
  expect(third.counts()).toEqual({ runs: 10 })
  await expect(openState(file, 'another')).rejects.toMatchObject({ code: 64 })
  await third.remove()
  expect((await openState(file, 'another')).counts()).toEqual({})
})
