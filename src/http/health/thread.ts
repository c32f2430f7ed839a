import { createServer, type ServerResponse } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import type { HealthReport, ThreadAnswer, ThreadSettings } from './apart.ts'

/*
 * The thread that serves health. It has an event loop and a listener of its own, and answers from the last report of
 * the main thread. apart.ts starts it and reports to it.
 */

/** How long a request waits for fresh metrics, so that it is answered within 100 ms. */
const metricsWaitMs = 70

const port = parentPort!
const { host, listenPort, silentMs = 10_000, deadMs = 60_000 } = workerData as ThreadSettings

let reportedAt = performance.now()
let report: HealthReport = { readiness: { ready: false, problems: ['starting'] }, metrics: null }
let waiting: (() => void)[] = []

port.on('message', (next: Partial<HealthReport>) => {
  reportedAt = performance.now()
  report = { ...report, ...next }
  if (next.metrics === undefined) return
  for (const go of waiting.splice(0)) go()
})

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0] ?? ''
  const routes: Record<string, (response: ServerResponse) => void> = {
    '/livez': livez,
    '/readyz': readyz,
    '/metrics': metrics,
  }
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  if (route === undefined) return sendJson(response, 404, { error: 'Not found' })
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return sendJson(response, 405, { error: 'Method Not Allowed' })
  }
  route(response)
})
server.maxConnections = 200
server.headersTimeout = 5000
server.requestTimeout = 5000
server.on('error', (error) => {
  tell({ failed: 'code' in error ? String(error.code) : error.message })
})
server.listen({ host, port: listenPort }, () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') tell({ listening: address.port })
})

function tell(answer: ThreadAnswer): void {
  port.postMessage(answer)
}

/** Returns the problem of a main thread that has not reported for too long, or null if it has reported in time. */
function silence(longestMs: number): string | null {
  const ms = performance.now() - reportedAt
  return ms < longestMs ? null : `the event loop has not turned for ${Math.round(ms / 1000)} s`
}

function livez(response: ServerResponse): void {
  const problem = silence(deadMs)
  sendJson(response, problem === null ? 200 : 503, { status: problem ?? 'ok' })
}

function readyz(response: ServerResponse): void {
  const problem = silence(silentMs)
  const { ready, problems } =
    problem === null ? report.readiness : { ready: false, problems: [problem] }
  sendJson(response, ready ? 200 : 503, { ready, problems })
}

function metrics(response: ServerResponse): void {
  let timer: NodeJS.Timeout | null = null
  const answer = (): void => {
    if (timer !== null) clearTimeout(timer)
    waiting = waiting.filter((each) => each !== answer)
    if (report.metrics === null) return sendJson(response, 503, { error: 'No metrics yet' })
    response.writeHead(200, { 'content-type': report.metrics.contentType })
    response.end(report.metrics.text)
  }
  timer = setTimeout(answer, metricsWaitMs)
  waiting.push(answer)
  tell({ wants: 'metrics' })
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
