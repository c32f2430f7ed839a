import { expect, test } from 'vitest'
import { createGatherer, createPrecedence } from '../../workers/batch.ts'

test('owners that bring as much as each other have a batch in turn', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 2,
    weigh: () => 1,
    ownerOf: (item) => item[0]!,
  })
  await Promise.all(['a1', 'a2', 'a3', 'b1', 'b2', 'b3'].map(gather))
  expect(batches).toEqual([['a1', 'a2'], ['b1', 'b2'], ['a3'], ['b3']])
})

test('owners that bring less than another share a batch, an item of each in turn', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 3,
    weigh: (item) => (item.startsWith('a') ? 9 : 1),
    ownerOf: (item) => item[0]!,
  })
  await Promise.all(['a1', 'a2', 'b1', 'b2', 'b3', 'c1', 'c2'].map(gather))
  expect(batches).toEqual([['b1', 'c1', 'b2'], ['c2', 'b3'], ['a1'], ['a2']])
})

/** A lane whose batches end when the test says so. */
function lane(options: Partial<Parameters<typeof createGatherer<string>>[0]> = {}) {
  const begun: string[][] = []
  const ends: (() => void)[] = []
  const gather = createGatherer<string>({
    apply: async (items) => {
      begun.push(items)
      await new Promise<void>((resolve) => ends.push(resolve))
    },
    maxWeight: 1,
    weigh: () => 1,
    ownerOf: () => '',
    ...options,
  })
  return { gather, begun, end: () => ends.shift()!() }
}

test('a lane that gives way begins no batch while another applies one, and one at a time until it is quiet', async () => {
  let now = 0
  const precedence = createPrecedence(() => now)
  const quick = lane(precedence.ahead)
  const backlog = lane(precedence.behind)

  const done = [quick.gather('quick')]
  await expect.poll(() => quick.begun).toEqual([['quick']])
  done.push(...['a', 'b', 'c'].map(backlog.gather))
  await new Promise((resolve) => setImmediate(resolve))
  expect(backlog.begun).toEqual([])
  quick.end()
  await expect.poll(() => backlog.begun).toEqual([['a']])
  backlog.end()
  await expect.poll(() => backlog.begun).toEqual([['a'], ['b']])

  now = 2_000
  done.push(backlog.gather('d'))
  await expect.poll(() => backlog.begun).toEqual([['a'], ['b'], ['c']])
  for (let i = 0; i < 3; i++) {
    backlog.end()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(done.slice(0, 4))
  await expect.poll(() => backlog.begun.length).toBe(4)
})

test('a lane that gives way goes on after a while, however busy the other is', async () => {
  const precedence = createPrecedence()
  const backlog = lane(precedence.behind)
  void precedence.ahead.before?.()
  const done = backlog.gather('a')
  await expect.poll(() => backlog.begun).toEqual([['a']])
  backlog.end()
  await done
})

test('while several owners bring items, one that brings many has batches of its own after theirs, which hold little', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 4000,
    weigh: (item) => (item.startsWith('a') ? 200 : 50),
    ownerOf: (item) => item[0]!,
  })
  await Promise.all(['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'c1'].map(gather))
  expect(batches.map((batch) => batch.toSorted())).toEqual([
    ['b1', 'c1'],
    ['a1', 'a2'],
    ['a3', 'a4'],
    ['a5'],
  ])
})

test('an owner that brings many does not have all batches at a time: another one waits for none of them', async () => {
  const busy = lane({ maxWeight: 400, weigh: () => 400, ownerOf: (item) => item[0]! })
  const done = ['a1', 'b1'].map(busy.gather)
  await expect.poll(() => busy.begun).toEqual([['a1'], ['b1']])
  done.push(...['a2', 'a3'].map(busy.gather))
  busy.end()
  await expect.poll(() => busy.begun.slice(2)).toEqual([['a2']])
  // The batch of b ends, and a waits for its own.
  busy.end()
  await done[1]
  done.push(busy.gather('b2'))
  await expect.poll(() => busy.begun.slice(3)).toEqual([['b2']])
  busy.end()
  await expect.poll(() => busy.begun.slice(4)).toEqual([['a3']])
  busy.end()
  busy.end()
  await Promise.all(done)
})

test('an owner that brings less than its share is served first, however much it has waiting, and the other begins after it', async () => {
  let now = 0
  const busy = lane({
    maxWeight: 400,
    weigh: (item) => (item.startsWith('a') ? 400 : 100),
    ownerOf: (item) => item[0]!,
    now: () => now,
  })
  const done = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3'].map(busy.gather)
  // No batch of a beside that of b, though there is room for it.
  await expect.poll(() => busy.begun).toEqual([['b1', 'b2', 'b3']])
  await new Promise((resolve) => setImmediate(resolve))
  expect(busy.begun.length).toBe(1)
  busy.end()
  await expect.poll(() => busy.begun.slice(1)).toEqual([['a1']])
  done.push(busy.gather('b4'))
  await expect.poll(() => busy.begun.slice(2)).toEqual([['b4']])
  for (let ended = 1; ended < 6; ended++) {
    await expect.poll(() => busy.begun.length).toBeGreaterThan(ended)
    busy.end()
  }
  await Promise.all(done)
})

test('an owner without a batch in progress has one at once, though two of another are in progress', async () => {
  const busy = lane({ maxWeight: 400, weigh: () => 150, ownerOf: (item) => item[0]! })
  const done = ['b1', 'a1'].map(busy.gather)
  await expect.poll(() => busy.begun).toEqual([['b1'], ['a1']])
  busy.end()
  await done[0]
  done.push(busy.gather('a2'))
  await expect.poll(() => busy.begun.slice(2)).toEqual([['a2']])
  done.push(busy.gather('a3'), busy.gather('b2'))
  await expect.poll(() => busy.begun.slice(3)).toEqual([['b2']])
  for (let i = 0; i < 3; i++) busy.end()
  await expect.poll(() => busy.begun.slice(4)).toEqual([['a3']])
  busy.end()
  await Promise.all(done)
})

test('a lane that gives way makes small batches until the others were quiet for a second', async () => {
  let now = 0
  const precedence = createPrecedence(() => now)
  const backlog = lane({ ...precedence.behind, maxWeight: 4000, weigh: () => 200, now: () => now })
  void precedence.ahead.before?.()
  precedence.ahead.after?.()
  const done = Array.from({ length: 7 }, async (_, i) => backlog.gather(String(i)))
  await expect.poll(() => backlog.begun).toEqual([['0', '1']])
  backlog.end()
  await expect.poll(() => backlog.begun.slice(1)).toEqual([['2', '3']])
  now = 2_000
  backlog.end()
  await expect.poll(() => backlog.begun.slice(2)).toEqual([['4', '5', '6']])
  backlog.end()
  await Promise.all(done)
})
