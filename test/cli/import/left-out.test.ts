import { createHash, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { ingestBatch } from '../../support/langfuse-batch.ts'
import { encode, multipartType } from '../../support/multipart.ts'
import { type HttpProxy, startHttpProxy } from './http-proxy.ts'
import { type Import, prepareImport } from './import-support.ts'

/*
 * What one of the servers refuses for good does not come, and everything else does.
 */

let h: Harness
let all: Import
let source: HttpProxy
let target: HttpProxy
/** Links of the source that lead to nothing any more. */
let gone: (path: string) => boolean
/** What the target does not take. */
let refused: (path: string) => boolean
/** What was said on standard error. */
let said: string[]

/** The target takes smaller bodies than the source. */
const mostBytes = 20_000

beforeEach(async () => {
  h = await harness()
  all = await prepareImport(h)
  gone = () => false
  refused = () => false
  source = await startHttpProxy(all.url, ({ path }) => (gone(path) ? { status: 410 } : null))
  target = await startHttpProxy(all.url, ({ path, bytes }) => {
    if (refused(path)) return { status: 400 }
    return bytes > mostBytes ? { status: 413 } : null
  })
  vi.stubEnv('RUNMILL_URL', target.url)
  said = []
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await source.close()
  await target.close()
})

async function importAll(dialect: string) {
  const { code, printed } = await all.importAll(dialect, ['--json'], source.url)
  await h.drain()
  return { code, printed }
}

async function send(as: Import['to'], method: 'POST' | 'DELETE', path: string, body?: unknown) {
  const answer = await h.callAs(as, method, path, body)
  expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300)
  await h.drain()
  return answer.body
}

async function sendParts(url: string, parts: Parameters<typeof encode>[0]) {
  const answer = await h.app.inject({
    method: 'POST',
    url,
    headers: { 'x-api-key': all.from.secretKey, 'content-type': multipartType },
    payload: encode(parts),
  })
  expect(answer.statusCode, answer.body).toBeLessThan(300)
}

const runOf = (session: string, rest = {}) => {
  const id = randomUUID()
  return {
    id,
    trace_id: id,
    dotted_order: `20260110T080000000000Z${id}`,
    session_id: session,
    name: 'a run',
    run_type: 'chain',
    start_time: '2026-01-10T08:00:00Z',
    ...rest,
  }
}

const large = 'x'.repeat(mostBytes)

async function listOf(as: Import['to'], path: string): Promise<Record<string, unknown>[]> {
  return (await h.callAs(as, 'GET', path)).body
}

test('the project default of the target keeps what is in it, under another name', async () => {
  const { from, to } = all
  const mine = await send(to, 'POST', '/sessions', { name: 'default' })
  const feedback = { id: randomUUID(), session_id: mine.id, key: 'whole', score: 1 }
  await send(to, 'POST', '/feedback', feedback)
  await send(to, 'POST', '/sessions', { name: 'default (before import)' })
  const theirs = await send(from, 'POST', '/sessions', { name: 'default' })
  expect(await importAll('langsmith')).toEqual({
    code: 2,
    printed: expect.stringMatching(/^The counts of feedback differ/),
  })
  const named = async (name: string) => listOf(to, `/sessions?name=${encodeURIComponent(name)}`)
  expect(await named('default')).toMatchObject([{ id: theirs.id }])
  expect(await named('default (before import) 2')).toMatchObject([{ id: mine.id }])
  expect(await listOf(to, `/feedback?session=${mine.id}`)).toMatchObject([{ key: 'whole' }])
  await send(to, 'DELETE', `/sessions/${theirs.id}`)
  const next = await send(to, 'POST', '/sessions', { name: 'default' })
  expect(await importAll('langsmith')).toMatchObject({ code: 2 })
  expect(await named('default')).toMatchObject([{ id: next.id }])
})

test('a name that the target has already, a project that was deleted there, a file that is gone, and what is too large do not hold up the rest of LangSmith’s', async () => {
  const { from, to } = all
  await send(to, 'POST', '/datasets', { name: 'both' })
  await send(to, 'POST', '/sessions', { name: 'both' })
  const both = await send(from, 'POST', '/datasets', { name: 'both' })
  const dataset = await send(from, 'POST', '/datasets', { name: 'good' })
  await send(from, 'POST', '/examples/bulk', [
    { dataset_id: dataset.id, inputs: { large } },
    { dataset_id: dataset.id, inputs: { small: 1 } },
  ])
  const example = randomUUID()
  await sendParts(`/platform/datasets/${dataset.id}/examples`, [
    { name: example, value: '{}' },
    { name: `${example}.inputs`, value: '{"q":1}' },
    { name: `${example}.attachment.lost`, value: 'lost', type: 'image/png' },
    { name: `${example}.attachment.kept`, value: 'kept', type: 'image/png' },
  ])
  await send(from, 'POST', '/sessions', { name: 'both' })
  await send(from, 'POST', '/sessions', { name: 'on both', reference_dataset_id: both.id })
  const session = await send(from, 'POST', '/sessions', { name: 'good' })
  const withFiles = runOf(session.id, { name: 'with files' })
  await sendParts('/runs/multipart', [
    { name: `post.${withFiles.id}`, value: JSON.stringify(withFiles) },
    { name: `attachment.${withFiles.id}.lost`, value: 'lost', type: 'text/plain' },
    { name: `attachment.${withFiles.id}.kept`, value: 'kept', type: 'text/plain' },
  ])
  const post = [runOf(session.id, { inputs: { large } }), runOf(session.id, { name: 'small' })]
  await send(from, 'POST', '/runs/batch', { post })
  gone = (path) => path.startsWith('/api/runmill/blobs/') && /lost/.test(path)
  const first = await importAll('langsmith')
  expect(first.code).toBe(2)
  expect(first.printed).toMatch(/^7 things were left out, as said above\. The counts of /)
  const reasons = [
    /datasets answered 409: Another dataset is named both$/,
    /examples answered 413/,
    /experiments answered 404: There is no such dataset$/,
    /experiments answered 409: Another experiment is named both/,
    /batch answered 413/,
    /A file of .* answered 410$/,
    /A file of .* answered 410$/,
  ]
  expect(said).toHaveLength(reasons.length)
  for (const reason of reasons) expect(said.join('\n')).toMatch(new RegExp(reason, 'm'))
  const examples = await listOf(to, `/examples?dataset=${dataset.id}&select=attachment_urls`)
  expect(examples).toHaveLength(2)
  expect(examples.map((one) => Object.keys(one.attachment_urls ?? {})).flat()).toEqual([
    'attachment.kept',
  ])
  const { runs } = await send(to, 'POST', '/runs/query', { session: [session.id] })
  expect(runs.map((run: { name: string }) => run.name).toSorted()).toEqual(['small', 'with files'])
  // It is deleted there on purpose, and does not come back.
  await send(to, 'DELETE', `/sessions/${session.id}`)
  expect((await importAll('langsmith')).code).toBe(2)
  expect((await h.callAs(to, 'GET', `/sessions/${session.id}`)).status).toBe(404)
})

test('a file that is gone or that the target refuses, and what is too large, do not hold up the rest of Langfuse’s', async () => {
  const { from, to } = all
  const upload = async (content: string): Promise<string> => {
    const { mediaId, uploadUrl } = await send(from, 'POST', '/api/public/media', {
      traceId: 'a trace',
      field: 'input',
      contentType: 'text/plain',
      contentLength: content.length,
      sha256Hash: createHash('sha256').update(content).digest('base64'),
    })
    const { pathname, search } = new URL(uploadUrl)
    await h.app.inject({
      method: 'PUT',
      url: pathname + search,
      headers: { 'content-type': 'text/plain' },
      payload: content,
    })
    await h.callAs(from, 'PATCH', `/api/public/media/${mediaId}`, {
      uploadedAt: '2026-01-05T00:00:00.000Z',
      uploadHttpStatus: 200,
    })
    return `@@@langfuseMedia:type=text/plain|id=${mediaId}|source=bytes@@@`
  }
  await send(from, 'POST', '/api/public/v2/datasets', { name: 'questions' })
  for (const [id, input] of [
    ['large', large],
    ['small', 'small'],
  ]) {
    await send(from, 'POST', '/api/public/dataset-items', { datasetName: 'questions', id, input })
  }
  const files = [await upload('lost'), await upload('kept'), await upload('refused')]
  const lost = /id=([\w-]+)/.exec(files[0]!)![1]!
  const unknown = /id=([\w-]+)/.exec(files[2]!)![1]!
  await ingestBatch(
    h,
    ['trace-create', { id: 'a trace', name: 'of files', input: files }],
    ['span-create', { id: 'large', traceId: 'a trace', input: large }],
    ['span-create', { id: 'small', traceId: 'a trace', input: 'small' }],
  )
  gone = (path) => path.startsWith('/api/runmill/blobs/') && path.includes(lost)
  // As the target refuses a type that it does not know.
  refused = (path) => path.includes(`${unknown}/content`)
  const first = await importAll('langfuse')
  expect(first.code).toBe(2)
  expect(said).toHaveLength(4)
  expect(await listOf(to, '/api/public/dataset-items')).toMatchObject({
    data: [{ id: 'small' }],
  })
  expect(await listOf(to, '/api/public/observations')).toMatchObject({ data: [{ id: 'small' }] })
  expect(await listOf(to, '/api/public/traces/a%20trace')).toMatchObject({ name: 'of files' })
})
