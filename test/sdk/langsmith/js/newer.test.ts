import { randomUUID } from 'node:crypto'
import { Client } from 'langsmith-newest'
import { evaluate } from 'langsmith-newest/evaluation'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type RunningServer } from '../server.ts'

/** The newest npm package `langsmith`, unmodified, against the real process: what it does in other ways than the older one. */
describe('langsmith 0.12 on npm', () => {
  let server: RunningServer
  let client: Client

  beforeAll(async () => {
    server = await startServer('postgres')
    vi.stubEnv('LANGSMITH_ENDPOINT', server.url)
    vi.stubEnv('LANGSMITH_API_KEY', server.tenant.secretKey)
    vi.stubEnv('LANGSMITH_TRACING', 'true')
    client = new Client({ apiUrl: server.url, apiKey: server.tenant.secretKey })
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    await server.stop()
  })

  test('evaluate() makes an experiment whose rows and scores read back', async () => {
    const dataset = await client.createDataset('sums')
    const inputs = [{ q: 1 }, { q: 2 }]
    await client.createExamples(inputs.map((each) => ({ dataset_id: dataset.id, inputs: each })))
    const results = await evaluate(({ q }: { q: number }) => ({ a: q + 1 }), {
      data: 'sums',
      client,
      evaluators: [
        ({ outputs }: { outputs?: Record<string, unknown> }) => ({
          key: 'positive',
          score: Number(Number(outputs?.['a']) > 0),
        }),
      ],
      experimentPrefix: 'newer',
    })
    expect(results.results).toHaveLength(2)
    await client.awaitPendingTraceBatches()
    const url = `/sessions?name=${results.experimentName}&include_stats=true`
    await vi.waitFor(
      async () => {
        const [session] = await server.call('GET', url)
        expect(session).toMatchObject({ run_count: 2, reference_dataset_id: dataset.id })
        expect(session.feedback_stats.positive).toMatchObject({ n: 2, avg: 1 })
      },
      { timeout: 60_000, interval: 200 },
    )
  })

  test('createRun() without an id is a run, and a shared run reads back', async () => {
    await client.createRun({ name: 'plain', run_type: 'chain', inputs: {}, project_name: 'plain' })
    const id = randomUUID()
    await client.createRun({
      id,
      name: 'own',
      run_type: 'chain',
      inputs: {},
      project_name: 'plain',
    })
    const [session] = await server.call('GET', '/sessions?name=plain')
    const { runs } = await server.call('POST', '/runs/query', { session: [session.id] })
    expect(runs.map((run: { name: string }) => run.name).toSorted()).toEqual(['own', 'plain'])
    const link = await client.shareRun(id)
    expect(await client.readRunSharedLink(id)).toBe(link)
    const shared = await server.call('GET', `/public/${link.split('/').at(-2)}/run`)
    expect(shared.id).toBe(id)
  })
})
