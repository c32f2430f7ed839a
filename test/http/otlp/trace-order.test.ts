import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventVersion, type IngestEvent } from '../../../src/domain/events.ts'
import { foldEvents } from '../../../src/domain/fold.ts'
import { impliedVersion } from '../../../src/domain/implied-version.ts'
import { readExport } from '../../../src/http/otlp/decode.ts'
import { spansToEvents } from '../../../src/http/otlp/span-to-events.ts'
import { traceToEvents } from '../../../src/http/langfuse/ingest/trace-to-event.ts'
import { exportOf, rootId, traceId, type TestSpan } from './spans.ts'

const now = '2026-11-21T20:00:00.000000Z'

function eventsOf(spans: TestSpan[]): IngestEvent[] {
  return spansToEvents(readExport(exportOf(...spans), now).spans, { experimentId: 'e', now })
}

/** What the events make of a trace. `merge.test.ts` holds that Postgres makes the same of them. */
function traceOf(events: IngestEvent[]): Record<string, unknown> {
  const { trace } = foldEvents(events)
  const { values, maps } = trace[0]!
  const metadata = [...(maps.get('metadata') ?? [])].map(([key, { text }]) => [key, text] as const)
  return { ...Object.fromEntries(values), metadata: new Map(metadata) }
}

type Kind = 'root' | 'as_root' | 'is_app_root' | 'child'
const ranks: Kind[] = ['child', 'is_app_root', 'as_root', 'root']

interface Drawn {
  kind: Kind
  start: number
  hasOutput: boolean
  said: boolean
}

function spanOf({ kind, start, hasOutput, said }: Drawn, i: number): TestSpan {
  return {
    spanId: (i + 1).toString(16).padStart(16, '0'),
    ...(kind === 'root' ? {} : { parentSpanId: 'f'.repeat(16) }),
    name: `span ${i}`,
    start,
    attributes: {
      'langfuse.observation.input': `in ${i}`,
      [`langfuse.observation.metadata.${kind === 'child' ? 'child' : `m${i}`}`]: i,
      ...(hasOutput ? { 'langfuse.observation.output': `out ${i}` } : {}),
      ...(said ? { 'langfuse.trace.output': `said ${i}`, 'user.id': `u${i}` } : {}),
      ...(kind === 'as_root' ? { 'langfuse.internal.as_root': true } : {}),
      ...(kind === 'is_app_root' ? { 'langfuse.internal.is_app_root': true } : {}),
    },
  }
}

/** A plain reading of contracts/langfuse.md 2.8.1. */
function expectedOf(drawn: Drawn[]): Record<string, unknown> {
  const named = drawn.map((span, i) => ({ ...span, i }))
  const stands = named.toSorted(
    (a, b) => ranks.indexOf(b.kind) - ranks.indexOf(a.kind) || a.start - b.start,
  )[0]!
  const last = named.filter(({ said }) => said).toSorted((a, b) => b.start - a.start)[0]
  const output = stands.hasOutput ? `"out ${stands.i}"` : null
  return {
    name: `span ${stands.i}`,
    inputs: `"in ${stands.i}"`,
    outputs: last === undefined ? output : `"said ${last.i}"`,
    userId: last === undefined ? undefined : `u${last.i}`,
  }
}

describe('SPEC I3: which span stands for the trace', () => {
  const drawnSpans = fc
    // In whole milliseconds, a hash takes the place of the microseconds.
    .uniqueArray(
      fc.integer({ min: 0, max: 20_000 }).filter((micros) => micros % 1000 !== 0),
      { minLength: 1, maxLength: 7 },
    )
    .chain((starts) =>
      fc.tuple(
        ...starts.map((start) =>
          fc.record<Drawn>({
            kind: fc.constantFrom(...ranks),
            // Microseconds apart, too.
            start: fc.constant(start / 1000 + 0.0001),
            hasOutput: fc.boolean(),
            said: fc.boolean(),
          }),
        ),
      ),
    )

  test('any order, any repetition and any cut into exports give the trace of a plain reading', () => {
    fc.assert(
      fc.property(
        drawnSpans.chain((drawn) =>
          fc.record({
            drawn: fc.constant(drawn),
            order: fc.array(fc.nat(drawn.length - 1), { maxLength: 6 }).chain((extra) =>
              fc.shuffledSubarray([...drawn.keys(), ...extra.map((i) => i + 100)], {
                minLength: drawn.length + extra.length,
              }),
            ),
            size: fc.integer({ min: 1, max: 4 }),
          }),
        ),
        ({ drawn, order, size }) => {
          const spans = drawn.map(spanOf)
          const sent = order.map((i) => spans[i % 100]!)
          const events: IngestEvent[] = []
          for (let i = 0; i < sent.length; i += size)
            events.push(...eventsOf(sent.slice(i, i + size)))
          const trace = traceOf(events)
          const { name, inputs, outputs, userId } = trace
          expect({ name, inputs, outputs, userId }).toEqual(expectedOf(drawn))
          expect(trace).toEqual(traceOf(eventsOf(spans)))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('spans of one instant do not depend on the order either', () => {
    const spans = ranks.flatMap((kind) =>
      [0, 1].map((i) => ({ kind, start: 5, hasOutput: i === 0, said: false })),
    )
    const one = traceOf(spans.map(spanOf).flatMap((span) => eventsOf([span])))
    const other = traceOf(
      spans
        .map(spanOf)
        .toReversed()
        .flatMap((span) => eventsOf([span])),
    )
    expect(one).toEqual(other)
    expect(one.name).toMatch(/^span [67]$/)
  })

  test("what Langfuse's ingestion says of the trace outranks what a root implies, whichever came later", () => {
    const root: TestSpan = {
      spanId: rootId,
      name: 'root',
      start: 60_000,
      attributes: { 'langfuse.observation.input': 'in', 'langfuse.observation.output': 'out' },
    }
    const members = new Map([['input', '"ingested"']])
    const body = { name: 'ingested' }
    const origin = { rank: 'create', time: now, content: 'c', now } as const
    const ingested = traceToEvents(traceId, body, members, 'e', origin)
    for (const events of [
      [...eventsOf([root]), ...ingested],
      [...ingested, ...eventsOf([root])],
    ]) {
      expect(traceOf(events)).toMatchObject({
        name: 'ingested',
        inputs: '"ingested"',
        outputs: '"out"',
      })
    }
  })

  test('an implied version is older than any said one; rank comes before time, and earlier before later', () => {
    const at = (time: string) => (rank: number) => BigInt(impliedVersion(rank, time, '0a1b2c3d'))
    const [early, late] = [at('2026-11-21T20:00:00.000001Z'), at('2026-11-21T20:00:00.000002Z')]
    expect(early(1) > late(1)).toBe(true)
    expect(late(2) > early(1)).toBe(true)
    for (const time of [
      '1970-01-01T00:00:00.000000Z',
      '2004-11-04T00:00:00.000000Z',
      '2100-01-01T00:00:00.000000Z',
    ]) {
      expect(at(time)(3) > at('1970-01-01T00:00:00.000000Z')(2), time).toBe(true)
      expect(at(time)(3) < BigInt(eventVersion('create', '2004-11-05T00:00:00.000000Z', 'x'))).toBe(
        true,
      )
    }
  })
})
