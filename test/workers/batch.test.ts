import { expect, test } from 'vitest'
import { createGatherer, createPrecedence } from '../../workers/batch.ts'

test('a batch takes an item of each owner in turn, and the next batch goes on where it ended', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 4,
    weigh: () => 1,
    ownerOf: (item) => item[0]!,
  })
  const items = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'c1']
  await Promise.all(items.map(gather))
  expect(batches).toEqual([['a1', 'b1', 'c1', 'a2'], ['b2', 'a3', 'a4', 'a5'], ['a6']])
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

test('while several owners bring items, one that brings many has batches of its own, which hold little', async () => {
  const batches: string[][] = []
  const gather = createGatherer<string>({
    apply: async (items) => void batches.push(items),
    maxWeight: 4000,
    weigh: (item) => (item.startsWith('a') ? 200 : 50),
    ownerOf: (item) => item[0]!,
  })
  await Promise.all(['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'c1'].map(gather))
  expect(batches.map((batch) => batch.toSorted())).toEqual([
    ['a1', 'a2'],
    ['b1', 'c1'],
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

test('what follows a batch of its owner closely waits, unless it is much or of another owner', async () => {
  let now = 0
  const spaced = lane({
    maxWeight: 1000,
    ownerOf: (item) => item[0]!,
    weigh: (item) => (item.endsWith('large') ? 200 : 1),
    spacing: { ms: 20, upToWeight: 200 },
    now: () => now,
  })
  const done = [spaced.gather('a1')]
  await expect.poll(() => spaced.begun).toEqual([['a1']])
  spaced.end()
  await done[0]

  done.push(spaced.gather('a2'), spaced.gather('a3'), spaced.gather('b1'))
  await expect.poll(() => spaced.begun).toEqual([['a1'], ['b1']])
  spaced.end()
  now = 20
  await expect.poll(() => spaced.begun.slice(2)).toEqual([['a2', 'a3']])
  spaced.end()
  done.push(spaced.gather('a4'), spaced.gather('a5 large'))
  await expect.poll(() => spaced.begun.slice(3)).toEqual([['a4', 'a5 large']])
  spaced.end()
  await Promise.all(done)
})

test('what becomes due while it is looked at is applied', async () => {
  for (let step = 0.5; step < 12; step += 0.5) {
    let now = 0
    // Each look at the clock takes a while.
    const spaced = lane({ spacing: { ms: 20, upToWeight: 200 }, now: () => (now += step) })
    const done = [spaced.gather('a')]
    await expect.poll(() => spaced.begun.length).toBe(1)
    spaced.end()
    await done[0]
    done.push(spaced.gather('b'))
    await expect.poll(() => spaced.begun.length).toBe(2)
    spaced.end()
    await Promise.all(done)
  }
})
