import { randomUUID } from 'node:crypto'
import { Agent, request, type RequestOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { TestTenant } from '../../test/support/tenant.ts'

/** What an attacker does until the signal is aborted. Resolves once it has ended. */
export interface Attack {
  name: string
  begin(target: Target, signal: AbortSignal): Promise<void>
}

export interface Target {
  url: string
  /** The tenant whose key the attacker has. */
  attacker: TestTenant
  /** A project of that tenant, with three runs of 8 MB. */
  sessionId: string
}

/** Three of them are what the bodies of all tenants may hold at once. */
const announced = 16_777_216
const runsPerRequest = 10
const text = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }

/** @param connections how many busy connections the flood has */
export function attacks(connections: number): Attack[] {
  return [
    {
      name: '3 connections announce 16 MiB without a key, and send nothing',
      begin: async ({ url }, signal) =>
        hold(url, signal, 3, () => `${head(`/feedback/tokens/${randomUUID()}`)}{`),
    },
    {
      name: '3 connections announce 16 MiB with a key, and send nothing',
      begin: async ({ url, attacker }, signal) =>
        hold(url, signal, 3, () => `${head('/runs/batch', attacker.secretKey)}{`),
    },
    {
      name: '20 connections send a body of 16 MiB with a key, a byte a second',
      begin: async ({ url, attacker }, signal) =>
        hold(url, signal, 20, () => `${head('/runs/batch', attacker.secretKey)}{`, ' '),
    },
    {
      name: '200 connections send headers, a byte a second',
      begin: async ({ url }, signal) =>
        hold(url, signal, 200, () => 'POST /runs HTTP/1.1\r\n', 'x'),
    },
    {
      name: '24 searches of payloads at once',
      begin: async ({ url, attacker, sessionId }, signal) => {
        const body = JSON.stringify({
          session: [sessionId],
          filter: `search("${'a'.repeat(1000)}b")`,
        })
        const ask = async (): Promise<void> => {
          const sent = {
            method: 'POST',
            headers: jsonHeaders(attacker),
            agent: false as const,
            signal,
          }
          while (!signal.aborted) {
            await send(`${url}/runs/query`, sent, body).catch(() => {})
            await pause(50)
          }
        }
        await Promise.all(Array.from({ length: 24 }, ask))
      },
    },
    {
      name: `${connections} busy connections of one tenant`,
      begin: async ({ url, attacker }, signal) => {
        const agent = new Agent({ keepAlive: true, maxSockets: connections })
        const sent = { method: 'POST', headers: jsonHeaders(attacker), agent, signal }
        const flood = async (): Promise<void> => {
          while (!signal.aborted)
            await send(`${url}/runs/batch`, sent, batch()).catch(() => pause(50))
        }
        await Promise.all(Array.from({ length: connections }, flood))
        agent.destroy()
      },
    },
  ]
}

/** Keeps connections open, again and again, on which a request begins and goes on with `more` each second. */
async function hold(
  url: string,
  signal: AbortSignal,
  count: number,
  begin: () => string,
  more = '',
): Promise<void> {
  const { hostname: host, port } = new URL(url)
  const sockets = new Set<Socket>()
  const open = (): void => {
    if (signal.aborted) return
    const socket = connect({ host, port: Number(port) }, () => socket.write(begin()))
    sockets.add(socket)
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket)
        if (!signal.aborted) setTimeout(open, 200)
      })
    socket.resume()
  }
  for (let i = 0; i < count; i++) open()
  while (!signal.aborted) {
    await pause(1000, undefined, { signal }).catch(() => {})
    if (more !== '') for (const socket of sockets) socket.write(more)
  }
  for (const socket of sockets) socket.destroy()
}

function head(path: string, key?: string): string {
  const auth = key === undefined ? '' : `x-api-key: ${key}\r\n`
  return `POST ${path} HTTP/1.1\r\nhost: x\r\n${auth}content-type: application/json\r\ncontent-length: ${announced}\r\n\r\n`
}

export function jsonHeaders({ secretKey }: TestTenant): Record<string, string> {
  return { 'x-api-key': secretKey, 'content-type': 'application/json' }
}

export async function send(
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
      answer.on('error', reject)
    })
      .on('error', reject)
      .end(body)
  })
}

/** Makes a project with three runs of 8 MB each. @returns its id */
export async function createLargeRuns(url: string, tenant: TestTenant): Promise<string> {
  const sent = { method: 'POST', headers: jsonHeaders(tenant), agent: false as const }
  const project = await send(`${url}/sessions`, sent, JSON.stringify({ name: 'large' }))
  for (let i = 0; i < 3; i++) {
    const id = randomUUID()
    const start_time = new Date().toISOString()
    const run = {
      id,
      trace_id: id,
      name: 'run',
      run_type: 'llm',
      start_time,
      session_name: 'large',
    }
    const post = [{ ...run, inputs: { text: 'a'.repeat(8_000_000) } }]
    const { status } = await send(`${url}/runs/batch`, sent, JSON.stringify({ post }))
    if (status !== 202) throw new Error(`a large run was answered with ${status}`)
  }
  return (JSON.parse(project.text) as { id: string }).id
}

function batch(): string {
  const trace = randomUUID()
  const run = {
    trace_id: trace,
    name: 'run',
    start_time: new Date().toISOString(),
    inputs: text,
    outputs: text,
  }
  const child = (): object => ({ ...run, id: randomUUID(), parent_run_id: trace, run_type: 'llm' })
  const children = Array.from({ length: runsPerRequest - 1 }, child)
  return JSON.stringify({ post: [{ ...run, id: trace, run_type: 'chain' }, ...children] })
}
