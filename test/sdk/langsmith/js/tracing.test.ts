import { randomUUID } from 'node:crypto'
import { StringOutputParser } from '@langchain/core/output_parsers'
import { ChatPromptTemplate } from '@langchain/core/prompts'
import { RunnableLambda } from '@langchain/core/runnables'
import { LangChainTracer } from '@langchain/core/tracers/tracer_langchain'
import { FakeStreamingChatModel } from '@langchain/core/utils/testing'
import { AIMessage } from '@langchain/core/messages'
import type { Client } from 'langsmith'
import { RunTree } from 'langsmith/run_trees'
import type { Run } from 'langsmith/schemas'
import { getCurrentRunTree, traceable } from 'langsmith/traceable'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { testsRunOnRedis } from '../../../support/redis.ts'
import { startServer, type RunningServer } from '../server.ts'

/** The tracing of the npm packages `langsmith` and `@langchain/core`, unmodified, against the real process. */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

describe.each(queues)('langsmith on npm, queue in %s', (queue) => {
  let server: RunningServer
  let client: Client

  beforeAll(async () => {
    server = await startServer(queue)
    client = server.client
  })

  afterAll(async () => server.stop())

  test('traceables are nested by who called whom, also when many run at once', async () => {
    const project_name = 'nested'
    const leaf = traceable(async (n: number) => ({ leaf: n }), { name: 'leaf', run_type: 'tool' })
    const middle = traceable(async (n: number) => Promise.all([leaf(n), leaf(n + 100)]), {
      name: 'middle',
    })
    const root = traceable(async (n: number) => (await middle(n)).map((it) => it.leaf), {
      name: 'root',
      project_name,
      client,
      tracingEnabled: true,
      tags: ['many'],
      metadata: { session_id: 'thread 1' },
    })
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => root(n)))
    expect(answers[3]).toEqual([3, 103])
    const runs = await finished(client, project_name, 40)
    const byId = new Map(runs.map((run) => [run.id, run]))
    const roots = runs.filter((run) => run.name === 'root')
    expect(roots.map((run) => run.inputs.input).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, n) => n),
    )
    for (const run of roots) {
      expect(run).toMatchObject({ trace_id: run.id, tags: ['many'], status: 'success' })
      expect(run.outputs).toEqual({ outputs: [run.inputs.input, run.inputs.input + 100] })
    }
    for (const run of runs.filter(({ name }) => name === 'leaf')) {
      const parent = byId.get(run.parent_run_id!)!
      const top = byId.get(parent.parent_run_id!)!
      expect([parent.name, top.name, run.trace_id]).toEqual(['middle', 'root', top.id])
      expect(run.inputs.input % 100).toBe(top.inputs.input)
      expect(run.outputs).toEqual({ leaf: run.inputs.input })
    }
    const threads = await client.listThreads({ projectName: project_name })
    expect(threads.map(({ thread_id, runs }) => [thread_id, runs.length])).toEqual([
      ['thread 1', 10],
    ])
  })

  test('an error, a stream of tokens and the usage of a run read back', async () => {
    const project_name = 'streams'
    const usage_metadata = { input_tokens: 3, output_tokens: 2, total_tokens: 5 }
    const model = traceable(
      async function* (text: string) {
        yield `${text} one`
        yield `${text} two`
      },
      {
        name: 'model',
        run_type: 'llm',
        aggregator: (chunks: string[]) => ({ text: chunks.join(), usage_metadata }),
      },
    )
    const parent = traceable(
      async (text: string) => {
        const chunks: string[] = []
        for await (const chunk of model(text)) chunks.push(chunk)
        getCurrentRunTree().addEvent({ name: 'read', time: '2026-01-02T03:04:05.678Z' })
        if (text === 'bad') throw new Error('refused')
        return { chunks }
      },
      { name: 'parent', project_name, client, tracingEnabled: true },
    )
    await parent('good')
    await expect(parent('bad')).rejects.toThrow('refused')
    const runs = await finished(client, project_name, 4)
    const good = runs.find((run) => run.name === 'parent' && run.inputs.input === 'good')!
    expect(good).toMatchObject({ outputs: { chunks: ['good one', 'good two'] }, error: null })
    expect(good.events).toMatchObject([{ name: 'read', time: '2026-01-02T03:04:05.678Z' }])
    expect([good.prompt_tokens, good.completion_tokens, good.total_tokens]).toEqual([3, 2, 5])
    const bad = runs.find((run) => run.name === 'parent' && run.inputs.input === 'bad')!
    expect(bad).toMatchObject({ status: 'error', outputs: null })
    expect(bad.error).toMatch(/^Error: refused/)
    const streamed = runs.find((run) => run.parent_run_id === good.id)!
    expect(streamed).toMatchObject({ run_type: 'llm', outputs: { text: 'good one,good two' } })
    expect(streamed.events!.filter(({ name }) => name === 'new_token')).toHaveLength(2)
    const { first_token_time } = streamed as Run & { first_token_time: string }
    expect(Date.parse(first_token_time)).toBe(Date.parse(String(streamed.events![0]!.time)))
  })

  test('a run is posted, patched and keeps its attachment, without batches', async () => {
    const project_name = 'single'
    const bytes = new Uint8Array([0, 1, 2, 255])
    const traced = traceable(async ({ text }: { text: string }) => ({ text }), {
      name: 'attached',
      project_name,
      client,
      tracingEnabled: true,
      extractAttachments: (inputs) => [{ file: ['image/png', bytes] }, inputs],
    })
    await traced({ text: 'hi' })
    const id = randomUUID()
    await client.createRun({
      id,
      name: 'by hand',
      run_type: 'chain',
      inputs: { a: 1 },
      project_name,
      start_time: Date.now(),
    })
    await client.updateRun(id, { outputs: { b: 2 }, end_time: Date.now() })
    const runs = await finished(client, project_name, 2)
    expect(runs.find((run) => run.id === id)).toMatchObject({
      inputs: { a: 1 },
      outputs: { b: 2 },
      trace_id: id,
      status: 'success',
    })
    const attached = runs.find((run) => run.name === 'attached')!
    const read = await server.call('GET', `/runs/${attached.id}`)
    const url = read.s3_urls['attachment.file'].presigned_url
    const stored = await fetch(url).then((it) => it.arrayBuffer())
    expect(new Uint8Array(stored)).toEqual(bytes)
  })

  test('a RunTree made by hand is posted before it is patched', async () => {
    const project_name = 'trees'
    const root = new RunTree({ name: 'root', inputs: { q: 1 }, client, project_name })
    await root.postRun()
    const child = root.createChild({ name: 'child', run_type: 'retriever', inputs: { q: 2 } })
    await child.postRun()
    await child.end({ documents: [] })
    await child.patchRun()
    await root.end(undefined, 'gave up')
    await root.patchRun()
    const runs = await finished(client, project_name, 2)
    expect(runs.find((run) => run.id === child.id)).toMatchObject({
      parent_run_id: root.id,
      run_type: 'retriever',
      outputs: { documents: [] },
    })
    expect(runs.find((run) => run.id === root.id)).toMatchObject({
      error: 'gave up',
      status: 'error',
    })
  })

  test("LangChain's tracer stores prompt, model and parser below their chain", async () => {
    const projectName = 'chains'
    const tracer = new LangChainTracer({ client, projectName })
    const chain = ChatPromptTemplate.fromMessages([
      ['system', 'be brief'],
      ['human', '{q}'],
    ])
      .pipe(new FakeStreamingChatModel({ responses: [new AIMessage('hello there')] }))
      .pipe(new StringOutputParser())
    const config = { callbacks: [tracer], tags: ['tagged'], metadata: { thread_id: 'th1' } }
    expect(await chain.invoke({ q: 'hi' }, config)).toBe('hello there')
    let streamed = ''
    for await (const chunk of await chain.stream({ q: 'again' }, config)) streamed += chunk
    expect(streamed).toBe('hello there')
    const failing = RunnableLambda.from(() => {
      throw new Error('no answer')
    })
    await expect(failing.invoke('x', config)).rejects.toThrow('no answer')
    await client.awaitPendingTraceBatches()

    const runs = await finished(client, projectName, 9)
    const roots = runs.filter((run) => run.parent_run_id === null)
    expect(roots.map((run) => run.name).toSorted()).toEqual([
      'RunnableLambda',
      'RunnableSequence',
      'RunnableSequence',
    ])
    for (const root of roots.filter((run) => run.name === 'RunnableSequence')) {
      expect(root).toMatchObject({ outputs: { output: 'hello there' }, tags: ['tagged'] })
      const children = runs.filter((run) => run.parent_run_id === root.id)
      const types = children.map((run) => `${run.run_type} ${run.name}`).toSorted()
      expect(types).toEqual([
        'llm FakeStreamingChatModel',
        'parser StrOutputParser',
        'prompt ChatPromptTemplate',
      ])
      const model = children.find((run) => run.run_type === 'llm')!
      expect(model.outputs!.generations[0][0].message.kwargs.content).toBe('hello there')
      expect(model.inputs.messages[0]).toHaveLength(2)
    }
    expect(roots.find((run) => run.name === 'RunnableLambda')!.error).toMatch(/^no answer/)
    const threads = await client.listThreads({ projectName })
    expect(threads.map(({ thread_id, runs }) => [thread_id, runs.length])).toEqual([['th1', 3]])
  })

  test('the server logged no warning or error', () => {
    expect(server.log()).not.toMatch(/"level":"?(?:error|50)/)
  })
})

/** Waits until this many runs of a project are applied and ended, because bulk writes are answered before that. */
async function finished(client: Client, projectName: string, count: number): Promise<Run[]> {
  await client.awaitPendingTraceBatches()
  return vi.waitUntil(
    async () => {
      if (!(await client.hasProject({ projectName }))) return null
      const runs: Run[] = []
      for await (const run of client.listRuns({ projectName })) runs.push(run)
      return runs.length === count && runs.every((run) => run.end_time) ? runs : null
    },
    { timeout: 60_000, interval: 100 },
  )
}
