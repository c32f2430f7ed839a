import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order, Outcome } from './client.ts'

/** Sends what is ordered from a process of its own. @throws Error when that ends without an outcome */
export async function sendFrom(order: Order): Promise<Outcome> {
  const script = join(import.meta.dirname, 'client.ts')
  const client = fork(script, ['client'], { execArgv: process.execArgv })
  const failed = once(client, 'exit').then(() => {
    throw new Error('a client ended early')
  })
  client.send(order)
  const [outcome] = await Promise.race([once(client, 'message'), failed])
  failed.catch(() => {})
  return outcome as Outcome
}

/** Runs a process that reads requests, answers each at once, and does nothing else. */
export async function withSink<T>(use: (url: string) => Promise<T>): Promise<T> {
  const sink = fork(join(import.meta.dirname, 'sink.ts'), { execArgv: process.execArgv })
  try {
    const [url] = await once(sink, 'message')
    return await use(url as string)
  } finally {
    const exited = once(sink, 'exit')
    sink.disconnect()
    await exited
  }
}
