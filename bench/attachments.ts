import { randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { parseArgs } from 'node:util'
import { boundary, encode, multipartType } from '../test/support/multipart.ts'
import { mb, withApiProcess, type ApiProcess } from './api/api-process.ts'

/*
 * Measures the peak memory of an API process (no workers, blobs in a folder) that takes examples with attachments: in
 * one request, in one request after another, in several at once, and when as many attachments are read back.
 *
 *   npm run bench -- attachments [--mb 100] [--file-mb 5] [--requests 5] [--at-once 4] [--smoke]
 */

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '100' },
    'file-mb': { type: 'string', default: '5' },
    requests: { type: 'string', default: '5' },
    'at-once': { type: 'string', default: '4' },
    smoke: { type: 'boolean', default: false },
  },
})
const total = (values.smoke ? 4 : Number(values.mb)) * 1_000_000
const fileSize = Math.min(total, (values.smoke ? 1 : Number(values['file-mb'])) * 1_000_000)
const requests = values.smoke ? 2 : Number(values.requests)
const atOnce = Number(values['at-once'])

await withApiProcess('none', async (api) => {
  const dataset = (await call(api, '/datasets', { name: 'bench' })) as { id: string }
  console.log(`request: ${mb(total)} MB of attachments, ${mb(fileSize)} MB each`)
  const ids: string[] = []
  const post = async (): Promise<number> => postExamples(api, dataset.id, ids)
  await api.phase('first', post)
  await api.phase(`${requests} in turn`, async () => {
    const statuses: number[] = []
    for (let i = 0; i < requests; i++) statuses.push(await post())
    return statuses
  })
  await api.phase(`${atOnce} at once`, async () =>
    Promise.all(Array.from({ length: atOnce }, post)),
  )
  await api.phase('read back', async () => {
    let bytes = 0
    for (const id of ids.slice(0, Math.ceil(total / fileSize))) bytes += await readBack(api, id)
    return `${mb(bytes)} MB`
  })
})

/**
 * Sends random files, each made when it is sent, so that this process holds one at a time.
 * @returns the status
 */
async function postExamples(
  { url, secretKey }: ApiProcess,
  datasetId: string,
  ids: string[],
): Promise<number> {
  const outgoing = request(`${url}/v1/platform/datasets/${datasetId}/examples`, {
    method: 'POST',
    headers: { 'x-api-key': secretKey, 'content-type': multipartType },
  })
  const answered = new Promise<number>((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
  })
  const end = Buffer.from(`--${boundary}--\r\n`)
  for (let sent = 0; sent < total; sent += fileSize) {
    const id = randomUUID()
    ids.push(id)
    const body = encode([
      { name: id, value: '{}' },
      { name: `${id}.inputs`, value: '{"question":"?"}' },
      {
        name: `${id}.attachment.file`,
        value: randomBytes(fileSize),
        type: 'application/octet-stream',
      },
    ])
    const isRoom = outgoing.write(body.subarray(0, -end.length))
    if (!isRoom) await new Promise((resolve) => outgoing.once('drain', resolve))
  }
  outgoing.end(end)
  return answered
}

async function readBack(api: ApiProcess, id: string): Promise<number> {
  const example = (await call(api, `/examples/${id}`)) as {
    attachment_urls: Record<string, { presigned_url: string }>
  }
  const answer = await fetch(example.attachment_urls['attachment.file']!.presigned_url)
  return (await answer.arrayBuffer()).byteLength
}

async function call({ url, secretKey }: ApiProcess, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-api-key': secretKey, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
