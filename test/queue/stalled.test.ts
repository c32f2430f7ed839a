import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { durableKinds } from './backends.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

const program = new URL('./hanging-worker.ts', import.meta.url)

describe.concurrent.each(durableKinds)('$name', (kind) => {
  test('jobs of a worker that was killed are done by another', async ({ onTestFinished }) => {
    const bench = await kind.start()
    const queue = bench.open('stalled')
    onTestFinished(async () => {
      await queue.stop()
      await bench.stop()
    })
    await queue.start()
    const ids = ['a', 'b', 'c']
    await queue.enqueue(
      'ingest',
      ids.map((id) => ingestJob(id)),
    )

    const child = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(program), kind.name, bench.url, 'stalled'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const held = collector<string>()
    createInterface({ input: child.stdout }).on('line', (line) => held.add(line))
    await held.until(3)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await queue.counts()).ingest.active).toBe(3)

    const done = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
    await done.until(3)
    expect(done.all.toSorted()).toEqual(ids)
  })
})
