import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { withFreshStore, type FreshStore } from '../fresh-store.ts'
import { makeExports } from '../otlp-requests.ts'
import { publish } from '../suite/publish.ts'
import type { PeerFigure } from '../suite/shapes.ts'
import { spreadOf, type Spread } from '../suite/spread.ts'
import { tableText } from '../suite/table.ts'
import { defaultCache } from './python.ts'
import { pythonSystems, runmill, type System, type Target } from './systems.ts'

/*
 * The same OTLP bytes to Runmill, MLflow and Phoenix, each as it comes, in turn on one Postgres with its default settings:
 * spans a second from the first request until SQL counts all of them, and CPU time per span. A request that is refused for
 * now is sent again. The servers, Postgres and this load share the machine.
 *
 *   npm run bench -- peers [--spans 24000] [--per-request 96] [--at-once 4] [--stock 15] [--only NAME] [--against .]
 *     [--cache FOLDER] [--docs] [--smoke]
 *
 * --cache is where what PyPI gives is kept. --smoke sends little, to Runmill alone.
 */

const { values } = parseArgs({
  options: {
    spans: { type: 'string', default: '24000' },
    'per-request': { type: 'string', default: '96' },
    'at-once': { type: 'string', default: '4' },
    stock: { type: 'string', default: '15' },
    only: { type: 'string', default: '' },
    against: { type: 'string' },
    cache: { type: 'string', default: defaultCache },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const perRequest = Number(values['per-request'])
const atOnce = Number(values['at-once'])
const requestCount = values.smoke ? 10 : Math.ceil(Number(values.spans) / perRequest)
const spans = requestCount * perRequest
const warmUpRequests = values.smoke ? 2 : 20

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const systems: System[] = [
  runmill(version, values.smoke ? 1 : 5, values.against),
  ...(values.smoke ? [] : pythonSystems(values.cache)),
].filter(({ name }) => name.includes(values.only))

await withFreshStore(
  async (store) => {
    const figures: PeerFigure[] = []
    for (const system of systems) {
      console.error(`${system.name} ${system.version}`)
      await system.run(store, async (target) => {
        figures.push(await measure(store, system, target))
      })
    }
    print(figures)
    if (!values.docs) return
    const versions = Object.fromEntries(figures.map((each) => [each.name, each.version]))
    await publish(
      'peers',
      { spans, perRequest, atOnce, peers: figures },
      { db: store.db, versions },
    )
  },
  { stock: values.stock },
)

async function measure(store: FreshStore, system: System, target: Target): Promise<PeerFigure> {
  const db = postgres(target.databaseUrl, { max: 1, onnotice: () => {} })
  const seen: { rate: number; server: number; postgres: number }[] = []
  let stored = 0
  const pass = async (requests: number): Promise<void> => {
    const bodies = makeBodies(requests)
    const before = { server: await target.cpu(), postgres: await store.serverCpu() }
    const begun = performance.now()
    await sendAll(target, bodies)
    stored += requests * perRequest
    await untilCounted(db, target.countSql, stored)
    const taken = (performance.now() - begun) / 1000
    const after = { server: await target.cpu(), postgres: await store.serverCpu() }
    const each = (a: number | null, b: number | null): number =>
      a === null || b === null ? Number.NaN : (a - b) / (requests * perRequest)
    seen.push({
      rate: (requests * perRequest) / taken,
      server: each(after.server, before.server),
      postgres: each(after.postgres, before.postgres),
    })
  }
  try {
    await pass(warmUpRequests)
    seen.pop()
    for (let i = 0; i < system.passes; i++) await pass(requestCount)
  } finally {
    await db.end()
  }
  const of = (pick: (each: (typeof seen)[0]) => number): Spread => spreadOf(seen.map(pick))
  const server = of((each) => each.server)
  return {
    name: system.name,
    version: system.version,
    rate: of((each) => each.rate),
    cpu: Number.isNaN(server.median) ? null : { server, postgres: of((each) => each.postgres) },
  }
}

/** The bodies of Runmill's own benchmark of OTLP, without its headers. */
function makeBodies(requests: number): Buffer[] {
  const tenant = { id: '', name: '', publicKey: '', secretKey: '', basic: randomUUID() }
  return makeExports(requests * perRequest, { perRequest, tenant, path: '/' }).map(({ bytes }) =>
    bytes.subarray(bytes.indexOf('\r\n\r\n') + 4),
  )
}

async function sendAll({ url, headers }: Target, bodies: readonly Buffer[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const left = [...bodies]
  const sendNext = async (): Promise<void> => {
    for (let body = left.pop(); body !== undefined; body = left.pop()) {
      while (!(await send(url, headers, agent, body))) await pause(100)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sendNext))
  agent.destroy()
}

/** @returns false when it was refused for now */
async function send(
  url: string,
  headers: Record<string, string>,
  agent: Agent,
  body: Buffer,
): Promise<boolean> {
  const [status, text] = await new Promise<[number, string]>((resolve, reject) => {
    const type = { 'content-type': 'application/x-protobuf', 'content-length': body.length }
    const outgoing = request(
      url,
      { method: 'POST', agent, headers: { ...headers, ...type } },
      (answer) => {
        let got = ''
        answer.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
        answer.on('end', () => resolve([answer.statusCode!, got]))
        answer.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
  if (status === 429 || status === 503) return false
  if (status >= 300) throw new Error(`${status} ${text}`)
  return true
}

async function untilCounted(db: postgres.Sql, countSql: string, expected: number): Promise<void> {
  for (const end = Date.now() + 900_000; ; await pause(20)) {
    const [row] = await db.unsafe<{ count: number }[]>(countSql)
    if (row!.count >= expected) return
    if (Date.now() > end) throw new Error(`${row!.count} of ${expected} spans can be read`)
  }
}

function print(figures: readonly PeerFigure[]): void {
  const own = figures.find(({ name }) => name === 'Runmill')
  console.log(
    `peers: ${spans} spans, ${perRequest} a request, ${atOnce} at once, Postgres ${values.stock}`,
  )
  const rows = figures.map(({ name, version: its, rate, cpu }) => [
    `${name} ${its}`,
    `${rate.median.toFixed(0)} (${rate.least.toFixed(0)} to ${rate.most.toFixed(0)})`,
    own === undefined ? '' : (own.rate.median / rate.median).toFixed(1),
    cpu === null ? '' : cpu.server.median.toFixed(0),
    cpu === null ? '' : cpu.postgres.median.toFixed(0),
  ])
  const head = ['', 'spans/s', 'Runmill is faster by', 'CPU of the server, µs/span', 'of Postgres']
  console.log(tableText({ head, rows }))
}
