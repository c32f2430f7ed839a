import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order, Outcome } from './client.ts'

/**
 * Sends what is ordered, each order from a process of its own, all from the same moment on.
 * @param whenReady is called before that, when everything is prepared
 * @throws Error when one ends without an outcome
 */
export async function sendFrom<const Orders extends readonly Order[]>(
  orders: Orders,
  whenReady: () => Promise<void> = async () => {},
): Promise<{ [I in keyof Orders]: Outcome }> {
  const script = join(import.meta.dirname, 'client.ts')
  const clients = orders.map((order) => {
    const client = fork(script, ['client'], { execArgv: process.execArgv })
    client.send(order)
    return client
  })
  try {
    await Promise.all(clients.map(messageOf))
    await whenReady()
    for (const client of clients) client.send('begin')
    return (await Promise.all(clients.map(messageOf))) as { [I in keyof Orders]: Outcome }
  } finally {
    for (const client of clients) client.kill()
  }
}

async function messageOf(client: ChildProcess): Promise<unknown> {
  const ended = once(client, 'exit').then(() => {
    throw new Error('a client ended early')
  })
  const [message] = await Promise.race([once(client, 'message'), ended])
  return message
}

/** Runs a process that reads requests, answers each at once, and does nothing else. */
export async function withSink<T>(use: (url: string) => Promise<T>): Promise<T> {
  const script = join(import.meta.dirname, 'sink.ts')
  const sink = fork(script, ['sink'], { execArgv: process.execArgv })
  try {
    const [url] = await once(sink, 'message')
    return await use(url as string)
  } finally {
    const exited = once(sink, 'exit')
    sink.disconnect()
    await exited
  }
}
