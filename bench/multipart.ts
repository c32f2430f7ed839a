import { randomBytes, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { zstdBomb, zstdCompress } from '../test/support/zstd.ts'
import { mb, withApiProcess, type ApiProcess } from './api/api-process.ts'

/*
 * Measures the peak memory of an API process (no workers, queue in Postgres) that takes POST /runs/multipart: a zstd
 * batch of 20 MB before compression, one after another and several at once; then a zstd bomb.
 *
 * `--queue none` takes the batches and forgets them, so that what is measured is the cost of reading and translating.
 *
 *   npm run bench -- multipart [--mb 20] [--requests 10] [--at-once 4] [--queue postgres] [--smoke]
 */

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '20' },
    requests: { type: 'string', default: '10' },
    'at-once': { type: 'string', default: '4' },
    queue: { type: 'string', default: 'postgres' },
    smoke: { type: 'boolean', default: false },
  },
})

const boundary = '77cea93f586b40d48f5b407e3e902db1'

await withApiProcess(values.queue, report)

async function report({ url, secretKey, phase }: ApiProcess): Promise<void> {
  const megabytes = values.smoke ? 2 : Number(values.mb)
  const requests = values.smoke ? 2 : Number(values.requests)
  const plain = batch(megabytes * 1_000_000)
  const body = await zstdCompress(plain)
  console.log(`batch: ${mb(plain.length)} MB as ${mb(body.length)} MB of zstd`)
  const post = async (bytes: Buffer): Promise<number> => {
    const response = await fetch(`${url}/runs/multipart`, {
      method: 'POST',
      headers: {
        'x-api-key': secretKey,
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-encoding': 'zstd',
      },
      body: new Uint8Array(bytes),
    })
    await response.arrayBuffer()
    return response.status
  }
  await phase('first', async () => post(body))
  await phase(`${requests} in turn`, async () => {
    const statuses = new Set<number>()
    for (let i = 0; i < requests; i++) statuses.add(await post(body))
    return [...statuses]
  })
  const atOnce = Number(values['at-once'])
  await phase(`${atOnce} at once`, async () =>
    Promise.all(Array.from({ length: atOnce }, async () => post(body))),
  )
  await phase('10 GB bomb', async () => post(zstdBomb(80_000)))
}

/** Makes runs with large inputs and outputs, written as Python's client writes them. */
function batch(bytes: number): Buffer {
  const chunks: Buffer[] = []
  for (let size = 0; size < bytes; ) {
    const id = randomUUID()
    const text = Array.from(
      { length: 3000 },
      () => randomBytes(4).toString('hex') + ' the words of a model',
    )
    const main = {
      id,
      trace_id: id,
      name: 'bench',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42Z',
    }
    for (const [suffix, value] of [
      ['', { ...main, dotted_order: `20260121T143542000000Z${id}` }],
      ['.inputs', { text: text.join(' ') }],
      ['.outputs', { text: text.toReversed().join(' ') }],
    ] as const) {
      const json = JSON.stringify(value)
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="post.${id}${suffix}"\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n`
      chunks.push(Buffer.from(`${head}${json}\r\n`))
      size += json.length
    }
  }
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)])
}
