import { randomUUID } from 'node:crypto'
import { Agent, request, type RequestOptions } from 'node:http'
import { parseArgs } from 'node:util'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import { withServer } from './server-process.ts'

/*
 * How long a client waits that comes anew while many connections keep the server busy: a fresh connection for /livez on
 * the API's port and on the one for health, and an interactive write of another tenant. Each busy connection sends its
 * next batch of 10 runs, 20 kB, when the last one is answered; the server and this load share the machine.
 *
 *   npx tsx bench/front-door.ts [--connections 390] [--seconds 15] [--smoke]
 */

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '390' },
    seconds: { type: 'string', default: '15' },
    smoke: { type: 'boolean', default: false },
  },
})
const connections = values.smoke ? 20 : Number(values.connections)
const seconds = values.smoke ? 1 : Number(values.seconds)
const runsPerRequest = 10
const inputs = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }

await withFreshStore(async (store) => {
  const [flooding, other] = [await insertTenant(store.db), await insertTenant(store.db)]
  await withServer(store, {}, async ({ url, healthUrl }) => {
    await lagOf(url)
    const agent = new Agent({ keepAlive: true, maxSockets: connections })
    const end = performance.now() + seconds * 1000
    const statuses = new Map<number, number>()
    const flood = Array.from({ length: connections }, async () => {
      const headers = { 'x-api-key': flooding.secretKey, 'content-type': 'application/json' }
      while (performance.now() < end) {
        const { status } = await send(
          `${url}/runs/batch`,
          { method: 'POST', headers, agent },
          batch(),
        )
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const headers = { 'x-api-key': other.secretKey, 'content-type': 'application/json' }
    const times = await Promise.all([
      timesUntil(end, async () => send(`${url}/livez`, { agent: false })),
      timesUntil(end, async () => send(`${healthUrl}/livez`, { agent: false })),
      timesUntil(end, async () =>
        send(`${url}/feedback`, { method: 'POST', headers, agent: false }, feedback()),
      ),
    ])
    await Promise.all(flood)
    agent.destroy()
    const accepted = (statuses.get(202) ?? 0) * runsPerRequest
    const [api, health, write] = times.map(summary)
    console.log(
      `front door, ${connections} busy connections: ${(accepted / seconds).toFixed(0)} runs/s accepted, answers ${JSON.stringify(Object.fromEntries(statuses))}, event loop lag ${await lagOf(url)}; fresh /livez ${api}, on the health port ${health}; write of another tenant ${write}`,
    )
  })
})

/** In milliseconds, of one request after the other. */
async function timesUntil(end: number, act: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  while (performance.now() < end) {
    const before = performance.now()
    await act()
    times.push(performance.now() - before)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return times
}

function summary(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${sorted.at(-1)?.toFixed(0)} ms (${times.length})`
}

/** Since it was last asked for. */
async function lagOf(url: string): Promise<string> {
  const { text } = await send(`${url}/metrics`, { agent: false })
  const figure = (name: string): string => {
    const value = new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(text)?.[1]
    return `${(Number(value) * 1000).toFixed(0)} ms`
  }
  return `p50 ${figure('p50')}, p99 ${figure('p99')}, longest ${figure('max')}`
}

async function send(
  url: string,
  options: RequestOptions,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(url, options, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end(body)
  })
}

function batch(): string {
  const trace = randomUUID()
  const run = {
    trace_id: trace,
    name: 'run',
    start_time: '2026-01-01T00:00:00Z',
    inputs,
    outputs: inputs,
  }
  const dot = `20260101T000000000000Z${trace}`
  const child = (): object => {
    const id = randomUUID()
    const dotted_order = `${dot}.20260101T000000000000Z${id}`
    return { ...run, id, parent_run_id: trace, run_type: 'llm', dotted_order }
  }
  return JSON.stringify({
    post: [
      { ...run, id: trace, run_type: 'chain', dotted_order: dot },
      ...Array.from({ length: runsPerRequest - 1 }, child),
    ],
  })
}

function feedback(): string {
  return JSON.stringify({ run_id: randomUUID(), key: 'score', score: 1 })
}
