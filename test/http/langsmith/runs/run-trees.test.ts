import { randomBytes, randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { fromEpochMs } from '../../../../src/domain/timestamp.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { segment } from '../../../support/run-tree.ts'
import { epochMs, langfusePath, send, type TestSpan } from '../../otlp/spans.ts'

/** Trees of clients that name only the parent of a run, as LangSmith's clients read them (contracts/langsmith.md 3.7). */

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Run = any

const at = (ms: number): string => fromEpochMs(epochMs + ms)!
const spanId = (): string => randomBytes(8).toString('hex')

/** Returns all runs of the tenant by name, with every field. */
async function runs(h: Harness, query: object = {}): Promise<Record<string, Run>> {
  const sessions = (await h.call('GET', '/sessions')).body.map(({ id }: { id: string }) => id)
  const { body } = await h.call('POST', '/runs/query', { session: sessions, limit: 100, ...query })
  return Object.fromEntries(body.runs.map((run: Run) => [run.name, run]))
}

/** Sends each span alone, in this order. */
async function exportEach(h: Harness, spans: TestSpan[], path = langfusePath): Promise<void> {
  for (const span of spans) {
    expect((await send(h, [span], { path })).status).toBe(200)
    await h.drain()
  }
}

describe('a tree whose spans came from the leaves to the root', () => {
  let h: Harness
  let tree: Record<string, Run>
  const traceId = randomBytes(16).toString('hex')
  const ids = { root: spanId(), mid: spanId(), leaf: spanId(), other: spanId() }
  const spans: TestSpan[] = [
    { name: 'leaf', spanId: ids.leaf, parentSpanId: ids.mid, start: 2 },
    { name: 'mid', spanId: ids.mid, parentSpanId: ids.root, start: 1 },
    { name: 'other', spanId: ids.other, parentSpanId: ids.root, start: 3 },
    { name: 'root', spanId: ids.root, start: 0 },
  ].map((span) => ({ ...span, traceId }))

  beforeEach(async () => {
    h = await harness()
    await exportEach(h, spans)
    tree = await runs(h)
  })

  test('shows the path of each run, with as many parts as it is deep, the trace first', () => {
    const { root, mid, leaf, other } = tree
    expect(root.dotted_order).toBe(segment(root.id, at(0)))
    expect(mid.dotted_order).toBe(`${root.dotted_order}.${segment(mid.id, at(1))}`)
    expect(leaf.dotted_order).toBe(`${mid.dotted_order}.${segment(leaf.id, at(2))}`)
    expect(leaf.parent_run_ids).toEqual([root.id, mid.id])
    expect(leaf.parent_run_id).toBe(mid.id)
    for (const run of [root, mid, leaf, other]) expect(run.trace_id).toBe(root.id)
  })

  test('shows the descendants of each run, and the same for the run alone', async () => {
    const { root, mid, leaf, other } = tree
    expect(root.child_run_ids).toEqual([mid.id, leaf.id, other.id])
    expect(root.direct_child_run_ids).toEqual([mid.id, other.id])
    expect(mid.child_run_ids).toEqual([leaf.id])
    for (const run of [root, mid, leaf, other]) {
      const { body } = await h.call('GET', `/runs/${run.id}`)
      for (const name of ['dotted_order', 'trace_id', 'parent_run_ids', 'child_run_ids']) {
        expect(body[name]).toEqual(run[name])
      }
    }
  })

  test('is found by the id of its root, and by that of OpenTelemetry', async () => {
    const { root, leaf } = tree
    const uuid = traceId.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    await exportEach(h, [{ name: 'another trace', spanId: spanId(), traceId: 'e'.repeat(32) }])
    const names = ['leaf', 'mid', 'other', 'root']
    for (const id of [root.id, uuid]) {
      expect(Object.keys(await runs(h, { trace: id })).toSorted()).toEqual(names)
      const filter = `eq(trace_id, "${id}")`
      expect(Object.keys(await runs(h, { filter })).toSorted()).toEqual(names)
      expect(Object.keys(await runs(h, { filter: `neq(trace_id, "${id}")` }))).toEqual([
        'another trace',
      ])
    }
    expect(await runs(h, { trace: leaf.id })).toEqual({})
    expect(Object.keys(await runs(h, { tree_filter: 'eq(name, "leaf")' })).toSorted()).toEqual(
      names,
    )
    const children = await runs(h, { trace: root.id, is_root: false })
    expect(Object.keys(children).toSorted()).toEqual(['leaf', 'mid', 'other'])
  })

  test('v2 shows the same', async () => {
    const { root, mid, leaf } = tree
    const selects = 'selects=NAME&selects=PARENT_RUN_IDS&selects=DOTTED_ORDER&selects=TRACE_ID'
    const { body } = await h.call(
      'GET',
      `/v2/traces/${root.id}/runs?project_id=${root.session_id}&${selects}`,
    )
    expect(body.items).toHaveLength(4)
    expect(body.items.find((run: Run) => run.name === 'leaf')).toMatchObject({
      parent_run_ids: [root.id, mid.id],
      dotted_order: leaf.dotted_order,
      trace_id: root.id,
    })
  })

  test('a shared run shows its subtree only', async () => {
    const { root, mid, leaf, other } = tree
    const token = (await h.call('PUT', `/runs/${mid.id}/share`)).body.share_token
    const shared = async (body: object): Promise<string[]> =>
      (await h.call('POST', `/public/${token}/runs/query`, body)).body.runs.map(({ id }: Run) => id)
    expect(await shared({})).toEqual([mid.id, leaf.id])
    expect(await shared({ id: [leaf.id, root.id, other.id] })).toEqual([leaf.id])
  })

  test('is deleted as a whole by the id of its root', async () => {
    const { root } = tree
    const body = { session_id: root.session_id, trace_ids: [root.id] }
    expect((await h.call('POST', '/runs/delete/traces', body)).status).toBe(200)
    expect(await runs(h)).toEqual({})
  })
})

test("Langfuse's ingestion makes trees as well", async () => {
  const h = await harness()
  const [traceId, root, child] = [randomUUID(), randomUUID(), randomUUID()]
  const spans = [
    { id: child, traceId, name: 'child', startTime: at(1), parentObservationId: root },
    { id: root, traceId, name: 'root', startTime: at(0) },
  ]
  const batch = spans.map((body) => ({
    id: randomUUID(),
    type: 'span-create',
    timestamp: at(2),
    body,
  }))
  await h.call('POST', '/api/public/ingestion', { batch })
  await h.drain()
  const tree = await runs(h)
  expect(tree.child).toMatchObject({
    dotted_order: `${segment(root, at(0))}.${segment(child, at(1))}`,
    parent_run_ids: [root],
    trace_id: root,
  })
  expect(tree.root.child_run_ids).toEqual([child])
})

test('a path begins below a parent that has not arrived, and is complete once it has', async () => {
  const h = await harness()
  const [root, missing, orphan] = [spanId(), spanId(), spanId()]
  await exportEach(h, [
    { name: 'orphan', spanId: orphan, parentSpanId: missing, start: 2 },
    { name: 'root', spanId: root },
  ])
  const before = await runs(h)
  expect(before.orphan.dotted_order).toBe(segment(before.orphan.id, at(2)))
  expect(before.orphan.parent_run_ids).toEqual([])
  expect(before.root.child_run_ids).toEqual([])
  await exportEach(h, [{ name: 'missing', spanId: missing, parentSpanId: root, start: 1 }])
  const after = await runs(h)
  expect(after.orphan.parent_run_ids).toEqual([after.root.id, after.missing.id])
  expect(after.root.child_run_ids).toEqual([after.missing.id, after.orphan.id])
})

test('runs that are their own ancestors, and endless chains, end', async () => {
  const h = await harness()
  const [a, b] = [spanId(), spanId()]
  await exportEach(h, [
    { name: 'a', spanId: a, parentSpanId: b },
    { name: 'b', spanId: b, parentSpanId: a },
  ])
  const cycle = await runs(h)
  expect(cycle.a.dotted_order.split('.')).toHaveLength(2)
  expect(cycle.a.child_run_ids).toEqual([cycle.b.id])
  const chain = Array.from({ length: 300 }, spanId)
  const traceId = 'd'.repeat(32)
  await send(
    h,
    chain.map((id, i) => ({
      traceId,
      spanId: id,
      name: `n${i}`,
      start: i,
      ...(i === 0 ? {} : { parentSpanId: chain[i - 1]! }),
    })),
  )
  await h.drain()
  const { n299 } = await runs(h, { filter: 'eq(name, "n299")' })
  expect(n299.dotted_order.split('.')).toHaveLength(257)
  const { n0 } = await runs(h, { filter: 'eq(name, "n0")' })
  expect(n0.child_run_ids).toHaveLength(299)
})

test('trees of several clients: spans below a run of LangSmith, and a run below a span', async () => {
  const h = await harness()
  const [root, child, below] = [randomUUID(), spanId(), randomUUID()]
  await exportEach(h, [
    {
      name: 'span',
      spanId: child,
      start: 1,
      attributes: {
        'langsmith.trace.id': root,
        'langsmith.span.parent_id': root,
        'langsmith.trace.session_name': 'mixed',
      },
    },
  ])
  const run = { run_type: 'chain', session_name: 'mixed', inputs: {} }
  const order = segment(root, at(0))
  await h.call('POST', '/runs', {
    ...run,
    id: root,
    trace_id: root,
    dotted_order: order,
    start_time: at(0),
    name: 'root',
  })
  await h.drain()
  const span = (await runs(h)).span
  expect(span).toMatchObject({
    dotted_order: `${order}.${segment(span.id, at(1))}`,
    parent_run_ids: [root],
    trace_id: root,
  })
  await h.call('POST', '/runs', {
    ...run,
    id: below,
    parent_run_id: span.id,
    start_time: at(2),
    name: 'below',
  })
  await h.drain()
  const tree = await runs(h)
  expect(tree.below).toMatchObject({ parent_run_ids: [root, span.id], trace_id: root })
  expect(tree.root.child_run_ids).toEqual([span.id, below])
})

test('runs that an SDK of LangSmith adds below a span are in its trace', async () => {
  const h = await harness()
  await exportEach(h, [{ name: 'top', spanId: spanId() }])
  const { top } = await runs(h)
  const id = randomUUID()
  await h.call('POST', '/runs', {
    id,
    trace_id: top.trace_id,
    parent_run_id: top.id,
    dotted_order: `${top.dotted_order}.${segment(id, at(1))}`,
    start_time: at(1),
    name: 'added',
    run_type: 'chain',
    inputs: {},
  })
  await h.drain()
  const tree = await runs(h, { trace: top.trace_id })
  expect(Object.keys(tree).toSorted()).toEqual(['added', 'top'])
  expect(tree.top.child_run_ids).toEqual([id])
})
