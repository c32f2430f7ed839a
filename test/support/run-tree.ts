import { randomUUID } from 'node:crypto'
import type { EventOf } from '../../src/domain/events.ts'
import type { Timestamp } from '../../src/domain/timestamp.ts'
import { runEvent, second } from './comparison-rows.ts'

type RunPatch = EventOf<'run'>['patch']

/** A segment of a dotted order: `YYYYMMDDTHHMMSSffffffZ<id>`. */
export function segment(id: string, time: Timestamp): string {
  return `${time.replaceAll(/[-:.]/g, '')}${id}`
}

/**
 * Makes a trace: a root chain and its children, one llm run per entry, one second after another.
 * @param at the second in which the root starts
 */
export function traceOf(
  experimentId: string,
  at: number,
  root: RunPatch = {},
  children: RunPatch[] = [],
): { traceId: string; ids: string[]; events: EventOf<'run'>[] } {
  const traceId = randomUUID()
  const rootOrder = segment(traceId, second(at))
  const common = { traceId, experimentId, inputs: '{}', outputs: '{}' }
  const events = [
    runEvent(traceId, {
      ...common,
      name: 'root',
      runType: 'chain',
      dottedOrder: rootOrder,
      startTime: second(at),
      endTime: second(at + 10),
      createdAt: second(at),
      ...root,
    }),
    ...children.map((patch, i) => {
      const id = randomUUID()
      const startTime = second(at + 1 + i)
      return runEvent(id, {
        ...common,
        parentRunId: traceId,
        name: `child ${i}`,
        runType: 'llm',
        dottedOrder: `${rootOrder}.${segment(id, startTime)}`,
        startTime,
        endTime: second(at + 2 + i),
        createdAt: startTime,
        ...patch,
      })
    }),
  ]
  return { traceId, ids: events.map((event) => event.id), events }
}
