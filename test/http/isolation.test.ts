import { createHash, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'
import { publicRoutes, routeRequests, type RouteRequest } from '../support/route-requests.ts'
import { seededRunTime, seedTenant, type SeededTenant } from '../support/seeded-tenant.ts'
import type { TestTenant } from '../support/tenant.ts'
import { keyOf, keysOf, requestsOf, send, type Sent } from './sent-routes.ts'

/** SPEC I8, for every route that the OpenAPI documents list. */

/** Writes a route as `GET /datasets/{id}`. */
async function documentedRoutes(h: Harness): Promise<string[]> {
  const { paths } = (await h.call('GET', '/docs/json')).body as {
    paths: Record<string, Record<string, unknown>>
  }
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

async function addKey(
  h: Harness,
  { id }: TestTenant,
  scope: string,
): Promise<Pick<TestTenant, 'basic' | 'secretKey'>> {
  const publicKey = `pk-lf-${randomUUID()}`
  const secretKey = `sk-lf-${randomUUID()}`
  const hash = createHash('sha256').update(secretKey).digest()
  await h.db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${id}, ${publicKey}, ${hash}, ${[scope]}, now())`
  const basic = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString('base64')}`
  return { basic, secretKey }
}

/** What a browser may send with the public key alone. */
const forScores = new Set(['POST /api/public/scores', 'POST /api/public/ingestion'])

/** The statement that reads every table. It is the same in every database of a test, and is made once. */
let everyTable: string | null = null

/** Reads every row of a tenant, in every table, as text. */
async function rowsOf(h: Harness, tenantId: string): Promise<string[]> {
  everyTable ??= await readEveryTable(h)
  const rows = await h.db.unsafe<{ row: string }[]>(everyTable, [tenantId], { prepare: true })
  return rows.map(({ row }) => row)
}

async function readEveryTable(h: Harness): Promise<string> {
  const tables = await h.db<{ name: string }[]>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'tenant_id'`
  const text = tables
    .map(({ name }) => `select '${name} ' || t::text as row from ${name} as t where tenant_id = $1`)
    .join(' union all ')
  return `${text} order by 1`
}

const uuids = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g

/** The shapes of a refusal in each dialect. LangSmith has three. */
function refusal(route: string, status: 401 | 403): object {
  if (route === 'POST /api/public/ingestion' && status === 401)
    return { message: expect.any(String), error: 'UnauthorizedError' }
  if (route.includes(' /api/public')) return { message: expect.any(String) }
  if (route.includes(' /api/runmill'))
    return { error: status === 401 ? 'Invalid key' : 'Forbidden' }
  if (/ \/(?:otel|(?:otel\/)?v1\/(?:traces|metrics|logs))$/.test(route))
    return { code: status === 401 ? 16 : 7, message: expect.any(String) }
  const detail = status === 401 ? 'Invalid token' : 'Forbidden'
  if (route.includes(' /v2/'))
    return {
      type: 'about:blank',
      title: status === 401 ? 'Unauthorized' : detail,
      status,
      detail,
      instance: expect.any(String),
    }
  const isOfRuns = /^(?:POST|PATCH) \/(?:platform\/.*|runs(?:\/batch|\/multipart|\/\{run_id\})?)$/
  return isOfRuns.test(route) ? { error: detail } : { detail }
}

test('I8 every documented route is in the table, or needs no key and says why', async () => {
  const h = await harness()
  const known = [...Object.keys(routeRequests), ...Object.keys(publicRoutes)]
  const routes = await documentedRoutes(h)
  expect(
    routes.toSorted(),
    'each operation needs a request in test/support/route-requests.ts',
  ).toEqual(known.toSorted())
})

/** Answers of these routes contain only what was sent, and numbers. */
const muteRoutes = new Set([
  'GET /examples/count',
  'GET /datasets/{id}/version',
  'GET /datasets/{id}/splits',
  'POST /examples/validate',
  'POST /examples/validate/bulk',
  'POST /v2/threads/stats',
])

const isReading = (route: string, { isRead, isWrite }: RouteRequest): boolean =>
  isRead === true || (route.startsWith('GET ') && isWrite !== true)

/** Returns the tenant's texts and ids that are in an answer and not in its request. */
type Told = (answer: Sent) => string[]

async function toldOf(h: Harness, theirs: SeededTenant, own: SeededTenant): Promise<Told> {
  const idsOf = async ({ tenant }: SeededTenant): Promise<Set<string>> =>
    new Set((await rowsOf(h, tenant.id)).join().match(uuids))
  const ownIds = await idsOf(own)
  const secretIds = new Set([...(await idsOf(theirs))].filter((id) => !ownIds.has(id)))
  const texts = new RegExp(`${theirs.mark}[ -][a-z]+`, 'g')
  return ({ text, asked }) =>
    [
      ...(text.match(texts) ?? []),
      ...(text.match(uuids) ?? []).filter((id) => secretIds.has(id)),
    ].filter((found) => !asked.includes(found))
}

async function world(h: Harness): Promise<{ theirs: SeededTenant; own: SeededTenant; told: Told }> {
  const theirs = await seedTenant(h, h.tenant, 'zqalpha')
  const own = await seedTenant(h, await h.addTenant(), 'zqbravo')
  return { theirs, own, told: await toldOf(h, theirs, own) }
}

test('I8 without a key every route answers 401, and with a read-only key every write answers 403; nothing is written', async () => {
  const h = await harness()
  const { theirs } = await world(h)
  const reader = await addKey(h, theirs.tenant, 'read')
  const before = await rowsOf(h, theirs.tenant.id)
  const problems: string[] = []
  for (const route of Object.keys(routeRequests)) {
    for (const request of requestsOf(route, theirs, theirs)) {
      const expectRefused = (who: string, { status, text }: Sent, wanted: 401 | 403): void => {
        if (status !== wanted) problems.push(`${route} ${who}: ${status} ${text}`)
        else expect(JSON.parse(text), `${route} ${who}`).toEqual(refusal(route, wanted))
      }
      expectRefused('without a key', await send(h, route, request, theirs, {}), 401)
      const read = await send(h, route, request, theirs, keyOf(route, reader))
      if (!isReading(route, request)) expectRefused('with a key that may read', read, 403)
      else if (read.status >= 300) problems.push(`${route} to read: ${read.status} ${read.text}`)
      if (!route.includes(' /api/public') || forScores.has(route)) continue
      const bearer = { authorization: `Bearer ${theirs.tenant.publicKey}` }
      const browser = await send(h, route, request, theirs, bearer)
      expectRefused('with the public key alone', browser, 403)
    }
  }
  expect(problems).toEqual([])
  expect(await rowsOf(h, theirs.tenant.id)).toEqual(before)
  expect(h.errors).toEqual([])
})

test('I8 no route reveals or changes anything of another tenant, whatever ids are sent to it', async () => {
  const h = await harness()
  const { theirs, own, told } = await world(h)
  const keys = await keysOf(h, own)
  const before = await rowsOf(h, theirs.tenant.id)
  // Requests that leave rows of the sender's own, under ids of the other tenant, come last.
  const rank = (route: string, request: RouteRequest): number =>
    request.foreign >= 400 ? 0 : isReading(route, request) ? 1 : 2
  const requests = Object.keys(routeRequests)
    .flatMap((route) => requestsOf(route, theirs, own).map((request) => ({ route, request })))
    .toSorted((a, b) => rank(a.route, a.request) - rank(b.route, b.request))
  const problems: string[] = []
  for (const { route, request } of requests) {
    const heads = route.startsWith('GET ') ? [route.replace('GET', 'HEAD')] : []
    for (const asked of [route, ...heads]) {
      const answer = await send(h, asked, request, theirs, keys(route, request))
      const what = `${asked}, sent ${answer.asked}`
      if (answer.status !== request.foreign) problems.push(`${what}: ${answer.status}`)
      const found = told(answer)
      if (found.length > 0) problems.push(`${what}: tells ${found.join()}`)
      const after = await rowsOf(h, theirs.tenant.id)
      if (after.join() !== before.join()) problems.push(`${what}: changes rows`)
    }
  }
  expect(problems).toEqual([])
  expect(h.errors).toEqual([])
})

test('these requests are real ones: their own tenant may send each of them, and every read returns something', async () => {
  const h = await harness()
  const { theirs, told } = await world(h)
  const keys = await keysOf(h, theirs)
  const problems: string[] = []
  for (const route of Object.keys(routeRequests)) {
    const found: string[] = []
    const requests = requestsOf(route, theirs, theirs)
    for (const request of requests) {
      const answer = await send(h, route, request, theirs, keys(route, request))
      if (answer.status >= 300) problems.push(`${route} ${answer.asked}: ${answer.text}`)
      found.push(...told(answer))
    }
    const isMute = muteRoutes.has(route) || !isReading(route, requests[0]!)
    if (!isMute && found.length === 0) problems.push(`${route} tells nothing`)
  }
  expect(problems).toEqual([])
  expect(h.errors).toEqual([])
})

describe('I8 what works in place of a key', () => {
  /** Path and body by route: with the tokens that the tenant handed out, and with modified ones. */
  const opened = (
    theirs: SeededTenant,
    own: SeededTenant,
  ): [string, string, string[], object?][] => {
    const anyone = randomUUID()
    const shares = (path: string, token: string, other: string): [string, string[]] => [
      `/public/${token}/${path}`,
      [`/public/${anyone}/${path}`, `/public/${other}/${path}`],
    ]
    const bentBlobs = [
      theirs.blobLink.replace(theirs.tenant.id, own.tenant.id),
      own.blobLink.replace(own.tenant.id, theirs.tenant.id),
      theirs.blobLink.replace(/signature=.*$/, ''),
    ]
    const bentUploads = [
      theirs.uploadLink.replace(theirs.tenant.id, own.tenant.id),
      own.uploadLink.replace(own.tenant.id, theirs.tenant.id),
      theirs.uploadLink.replace(/expires=\d+/, 'expires=9999999999'),
    ]
    const { runShareToken: run, datasetShareToken: dataset, feedbackToken } = theirs
    const sharedRun = (token: string, { runId }: SeededTenant): string =>
      `/v2/public/${token}/run/${runId}?selects=NAME&start_time=${seededRunTime}`
    return [
      ['GET /api/runmill/blobs/{tenantId}/{blobId}', theirs.blobLink, bentBlobs],
      ['HEAD /api/runmill/blobs/{tenantId}/{blobId}', theirs.blobLink, bentBlobs],
      ['PUT /api/public/media/{mediaId}/content', theirs.uploadLink, bentUploads],
      ['GET /public/{share_token}/datasets', ...shares('datasets', dataset, run)],
      ['GET /public/{share_token}/examples', ...shares('examples', dataset, run)],
      ['GET /public/{share_token}/examples/count', ...shares('examples/count', dataset, run)],
      ['GET /public/{share_token}/datasets/sessions', ...shares('datasets/sessions', dataset, run)],
      ['GET /public/{share_token}/run', ...shares('run', run, dataset)],
      ['GET /public/{share_token}/runs', ...shares('runs', run, dataset)],
      ['POST /public/{share_token}/runs/query', ...shares('runs/query', run, dataset), {}],
      [
        'GET /v2/public/{share_token}/run/{run_id}',
        sharedRun(run, theirs),
        [
          sharedRun(anyone, theirs),
          sharedRun(dataset, theirs),
          sharedRun(own.runShareToken, theirs),
        ],
      ],
      [
        'POST /v2/public/{share_token}/runs/query',
        `/v2/public/${run}/runs/query`,
        [`/v2/public/${anyone}/runs/query`, `/v2/public/${dataset}/runs/query`],
        { selects: ['NAME', 'TRACE_ID'] },
      ],
      [
        'GET /feedback/tokens/{token}',
        `/feedback/tokens/${feedbackToken}?score=1`,
        [`/feedback/tokens/${anyone}?score=1`, `/feedback/tokens/${run}?score=1`],
      ],
      [
        'POST /feedback/tokens/{token}',
        `/feedback/tokens/${feedbackToken}`,
        [`/feedback/tokens/${anyone}`, `/feedback/tokens/${run}`],
        { score: 1 },
      ],
    ]
  }

  test('opens what it was made for to anyone who has it, and nothing when it is modified or made up', async () => {
    const h = await harness()
    const { theirs, own, told } = await world(h)
    const before = await rowsOf(h, theirs.tenant.id)
    const call = async (route: string, url: string, body?: object): Promise<Sent> => {
      const isUpload = route.startsWith('PUT ')
      const answer = await h.app.inject({
        method: route.split(' ')[0] as 'GET',
        url,
        headers: isUpload ? { 'content-type': 'text/plain' } : {},
        ...(isUpload ? { payload: theirs.uploadBytes } : body && { payload: body }),
      })
      await h.drain()
      return { status: answer.statusCode, text: answer.body, asked: url }
    }
    const cases = opened(theirs, own)
    const unkeyed = Object.keys(publicRoutes).filter((route) =>
      / of a | of the link/.test(publicRoutes[route]!),
    )
    expect(cases.map(([route]) => route).toSorted()).toEqual(unkeyed.toSorted())
    for (const [route, , bent, body] of cases) {
      for (const url of bent) {
        const answer = await call(route, url, body)
        expect([403, 404], `${route} ${url} ${answer.text}`).toContain(answer.status)
        expect(told(answer), `${route} ${url}`).toEqual([])
      }
    }
    expect(await rowsOf(h, theirs.tenant.id)).toEqual(before)
    for (const [route, url, , body] of cases) {
      const { status, text } = await call(route, url, body)
      expect(status, `${route} ${url} ${text}`).toBe(200)
    }
    expect(h.errors).toEqual([])
  })
})
