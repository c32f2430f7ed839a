import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, test, type TestContext } from 'vitest'
import { hasProcessEnded, nameThisProcess } from '../../src/embedded/process-identity.ts'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { compiledFile } from '../support/runmill-process.ts'
import { type Bench, durableKinds, type Kind } from './backends.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

const namespace = 'stalled'
const ids = ['a', 'b', 'c']

describe.concurrent.each(durableKinds)('$name', (kind) => {
  test('jobs of a worker that was killed are done by another on any machine, when their locks expire', async (context) => {
    const { queue, kill } = await startWithHangingWorker(context, kind, (bench) =>
      bench.open(namespace),
    )
    await kill()
    expect((await queue.counts()).ingest.active).toBe(3)

    const done = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
    await done.until(3)
    expect(done.all.toSorted()).toEqual(ids)
  })

  test('jobs of a worker that was killed are done by another on its machine though their locks never expire; those of one that lives are left alone', async (context) => {
    const owner = { id: await nameThisProcess(), hasEnded: hasProcessEnded }
    const { bench, queue, kill } = await startWithHangingWorker(context, kind, (opened) =>
      opened.open(namespace, opened.url, owner),
    )
    const done = collector<string>()
    const ingest = async ({ batchId }: { batchId: string }) => done.add(batchId)
    await queue.work(handlers({ ingest }))
    expect((await queue.counts()).ingest.active).toBe(3)
    // A second start, as after a restart: `work` looks before it takes anything.
    await queue.stop()
    await kill()
    await makeLocksLast(kind, bench)
    await queue.start()
    expect((await queue.counts()).ingest.active).toBe(3)
    await queue.work(handlers({ ingest }))
    await done.until(3)
    expect(done.all.toSorted()).toEqual(ids)
  })

  test('a job that a worker was given without hearing of it is done though its lock never expires', async ({
    onTestFinished,
  }) => {
    const bench = await kind.start()
    const queue = bench.open(namespace)
    onTestFinished(async () => {
      await queue.stop()
      await bench.stop()
    })
    await queue.start()
    const done = collector<string>()
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    // This queue does one job at a time.
    await queue.work(
      handlers({
        purge: async ({ id }) => {
          done.add(id)
          if (id === 'first') await finished
        },
      }),
    )
    const purge = { tenantId: 't', kind: 'trace' } as const
    await queue.nudge('purge', 'first', { ...purge, id: 'first' })
    await done.until(1)
    await queue.nudge('purge', 'second', { ...purge, id: 'second' })
    await takeUnheard(kind, bench)
    finish()
    await done.until(2)
    expect(done.all).toEqual(['first', 'second'])
  })
})

/** A queue, and three jobs in it that a process of its own holds. */
async function startWithHangingWorker(
  { onTestFinished }: TestContext,
  kind: Kind,
  open: (bench: Bench) => QueueBackend,
): Promise<{ bench: Bench; queue: QueueBackend; kill(): Promise<void> }> {
  const bench = await kind.start()
  const queue = open(bench)
  let child: ChildProcess | undefined
  onTestFinished(async () => {
    child?.kill('SIGKILL')
    await queue.stop()
    await bench.stop()
  })
  await queue.start()
  await queue.enqueue(
    'ingest',
    ids.map((id) => ingestJob(id)),
  )
  const spawned = spawn(
    process.execPath,
    [compiledFile('test/queue/hanging-worker.ts'), kind.name, bench.url, namespace],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  child = spawned
  const held = collector<string>()
  createInterface({ input: spawned.stdout }).on('line', (line) => held.add(line))
  await held.until(3)
  return {
    bench,
    queue,
    async kill() {
      spawned.kill('SIGKILL')
      await once(spawned, 'exit')
    },
  }
}

/** Later than any test, in epoch milliseconds. */
const never = 9e15

async function makeLocksLast(kind: Kind, bench: Bench): Promise<void> {
  if (kind.name === 'redis') {
    const client = new Redis(bench.url)
    for (const key of await client.keys(`${namespace}:*:lock`)) await client.persist(key)
    await client.quit()
    return
  }
  const db = openPool(bench.url, { max: 1 })
  await db`update bullmq.job set locked_until_ms = ${never} where state = 'active'`
  await closePool(db)
}

/** Gives the second job to the worker that has the first, and does not tell it. */
async function takeUnheard(kind: Kind, bench: Bench): Promise<void> {
  if (kind.name === 'redis') {
    const client = new Redis(bench.url, { maxRetriesPerRequest: null })
    const key = `${namespace}:{purge-0}:nudge-first:lock`
    const token = (await client.get(key))!.replace(/\d+$/, '999')
    const worker = new Worker('{purge-0}', null, {
      connection: client,
      prefix: namespace,
      lockDuration: 1e9,
    })
    expect((await worker.getNextJob(token))?.id).toBe('nudge-second')
    await worker.close()
    await client.quit()
    return
  }
  const db = openPool(bench.url, { max: 1 })
  const taken = await db`
    update bullmq.job set state = 'active', locked_until_ms = ${never}, lock_token = (
      select regexp_replace(lock_token, '[0-9]+$', '999') from bullmq.job where id = 'nudge-first'
    )
    where id = 'nudge-second' and state = 'waiting' returning id`
  expect(taken).toHaveLength(1)
  await closePool(db)
}
