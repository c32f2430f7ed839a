import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { Harness } from './harness.ts'

/** The type of an ingestion event, and its body: an object, or JSON that is sent as it is. */
export type BatchEvent = [type: string, body: Record<string, unknown> | string]

/** Sends events, all of them valid, to Langfuse's ingestion as its SDKs do, and waits until they are applied. */
export async function ingestBatch(h: Harness, ...events: BatchEvent[]): Promise<void> {
  const batch = events.map(([type, body]) => {
    const envelope = JSON.stringify({ id: randomUUID(), type, timestamp: h.clock.now() })
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return `${envelope.slice(0, -1)},"body":${text}}`
  })
  const answer = await h.call('POST', '/api/public/ingestion', `{"batch":[${batch.join(',')}]}`)
  expect(answer.body.errors, answer.text).toEqual([])
  await h.drain()
}
