import { collectDefaultMetrics, Registry } from 'prom-client'
import type { App, HttpParts } from './parts.ts'

/** For whoever keeps the server up: liveness, readiness with reasons, and metrics. No key needed. */
export async function operations(
  app: App,
  { db, queue }: Pick<HttpParts, 'db' | 'queue'>,
): Promise<void> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  app.get('/livez', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_, reply) => {
    const checks: [string, () => Promise<unknown>][] = [
      ['postgres', async () => db`select 1`],
      ['queue', async () => queue.ping()],
    ]
    const problems: string[] = []
    for (const [name, check] of checks) {
      await check().catch((error: unknown) => problems.push(`${name}: ${String(error)}`))
    }
    return reply
      .code(problems.length === 0 ? 200 : 503)
      .send({ ready: problems.length === 0, problems })
  })

  app.get('/metrics', async (_, reply) => {
    const counts = await queue.counts()
    const depth = Object.entries(counts).flatMap(([name, states]) =>
      Object.entries(states).map(
        ([state, count]) => `runmill_queue_jobs{queue="${name}",state="${state}"} ${String(count)}`,
      ),
    )
    const text = `${await registry.metrics()}# TYPE runmill_queue_jobs gauge\n${depth.join('\n')}\n`
    return reply.type(registry.contentType).send(text)
  })
}
