// The main job against a running server, with nothing but Node: run items as Langfuse's SDKs send them, then an
// experiment as LangSmith's SDKs send it, out of order, and the comparison read back. Stops at the first surprise.
//
//   LANGFUSE_PUBLIC_KEY=pk-… LANGFUSE_SECRET_KEY=sk-… node examples/main-job.mjs [http://127.0.0.1:3000]
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

const base = process.argv[2] ?? process.env.LANGFUSE_BASE_URL ?? 'http://127.0.0.1:3000'
const publicKey = process.env.LANGFUSE_PUBLIC_KEY ?? ''
const secretKey = process.env.LANGFUSE_SECRET_KEY ?? ''
for (const [variable, value] of [
  ['LANGFUSE_PUBLIC_KEY', publicKey],
  ['LANGFUSE_SECRET_KEY', secretKey],
]) {
  if (value === '') stop(`Set ${variable}: npm start prints a pair of keys at its first start.`)
}
if (!/^https?:\/\//.test(base) || !URL.canParse(base)) stop(`${base} is no address of a server.`)
const answer = await fetch(`${base}/api/public/health`).catch((error) =>
  stop(
    `${base} cannot be reached (${error.cause?.code ?? error.message}): is the server running there?`,
  ),
)
if (!answer.ok) stop(`${base} answers ${answer.status}, not as Runmill does.`)
const basic = Buffer.from(`${publicKey}:${secretKey}`).toString('base64')
const known = await fetch(`${base}/api/public/projects`, {
  headers: { authorization: `Basic ${basic}` },
})
if (known.status === 401) stop(`${base} does not know the keys: are they of this server?`)
const name = `main job ${new Date().toISOString()}`

function stop(sentence) {
  console.error(`main-job: ${sentence}`)
  process.exit(64)
}

async function call(method, path, body, expected = 200) {
  const isLangfuse = path.startsWith('/api/public')
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(isLangfuse ? { authorization: `Basic ${basic}` } : { 'x-api-key': secretKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  assert.equal(
    response.status,
    expected,
    `${method} ${path}: ${response.status} ${text.slice(0, 500)}`,
  )
  const isJson = response.headers.get('content-type')?.includes('json')
  return isJson ? JSON.parse(text) : text
}

/** Asks until the answer is the expected one: bulk writes are readable within a second or so. */
async function eventually(ask, isThere) {
  const end = Date.now() + 15_000
  for (;;) {
    const answer = await ask()
    if (isThere(answer)) return answer
    assert.ok(Date.now() < end, `still not there: ${JSON.stringify(answer).slice(0, 500)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const shuffled = (list) =>
  list
    .map((item) => [Math.random(), item])
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
const numbers = (count) => Array.from({ length: count }, (_, i) => i)
const sorted = (texts) => texts.toSorted((a, b) => (a < b ? -1 : 1))
const done = (what) => console.log(`ok  ${what}`)

// --- Langfuse ---------------------------------------------------------------------------------------------------

const folderName = `evals/${name}`
const dataset = await call('POST', '/api/public/v2/datasets', {
  name: folderName,
  description: '20 questions',
})
const items = []
for (const i of numbers(20)) {
  const item = {
    datasetName: folderName,
    id: `item-${i}-${name}`,
    input: { question: i },
    expectedOutput: { answer: i },
  }
  items.push(await call('POST', '/api/public/dataset-items', item))
}
const link = (i) => ({
  runName: 'baseline',
  metadata: { model: 'm1' },
  datasetItemId: items[i].id,
  traceId: `trace-${i}-${name}`,
})
const linked = await Promise.all(
  numbers(20).map((i) => call('POST', '/api/public/dataset-run-items', link(i))),
)
assert.equal(new Set(linked.map((item) => item.datasetRunId)).size, 1)
const again = await Promise.all(
  numbers(10).map((i) => call('POST', '/api/public/dataset-run-items', link(i))),
)
assert.deepEqual(again, linked.slice(0, 10))
done('langfuse: 20 run items in one run, 10 posted again: same answers')

const listed = []
for (const page of [1, 2, 3]) {
  const query = new URLSearchParams({ datasetId: dataset.id, runName: 'baseline', page, limit: 7 })
  const { data, meta } = await call('GET', `/api/public/dataset-run-items?${query}`)
  assert.deepEqual(meta, { page, limit: 7, totalItems: 20, totalPages: 3 })
  listed.push(...data)
}
assert.deepEqual(sorted(listed.map((item) => item.id)), sorted(linked.map((item) => item.id)))
done('langfuse: 20 run items listed in three pages, no new rows')

// --- LangSmith --------------------------------------------------------------------------------------------------

const { id: datasetId } = await call('POST', '/datasets', { name })
const examples = await call(
  'POST',
  '/api/v1/examples/bulk',
  numbers(20).map((i) => ({ dataset_id: datasetId, inputs: { q: i }, outputs: { a: i } })),
)
const experiment = await call('POST', '/sessions', {
  name: `exp ${name}`,
  reference_dataset_id: datasetId,
})

const stamp = (ms) => `${new Date(ms).toISOString().replace('Z', '')}001Z`
const segment = (ms, id) => `${stamp(ms).replaceAll(/[-:.]/g, '')}${id}`
const start = Date.now() - 60_000

/** A root run with three children: each a POST without outputs, and a PATCH with them. */
function tree(example, i) {
  const root = randomUUID()
  const order = segment(start + i, root)
  const common = { trace_id: root, session_name: `exp ${name}` }
  const rootRun = { ...common, id: root, name: 'target', run_type: 'chain', dotted_order: order }
  const children = numbers(3).map((child) => {
    const id = randomUUID()
    const dotted = `${order}.${segment(start + i + child, id)}`
    return {
      ...common,
      id,
      name: `step ${child}`,
      run_type: 'llm',
      parent_run_id: root,
      dotted_order: dotted,
    }
  })
  const runs = [{ ...rootRun, reference_example_id: example.id }, ...children]
  const usage = { input_tokens: 2, output_tokens: 1, total_tokens: 3, total_cost: 0.000001 }
  return {
    root,
    posts: runs.map((run) => ({ ...run, inputs: { q: i }, start_time: stamp(start + i) })),
    patches: runs.map((run) => ({
      ...run,
      end_time: start + i + 1000,
      outputs: run.id === root ? { a: i } : { a: i, usage_metadata: usage },
    })),
  }
}
const trees = examples.map(tree)

for (const [i, { root }] of trees.entries()) {
  await call('POST', '/feedback', {
    run_id: root,
    key: 'correct',
    score: i / 20,
    session_id: experiment.id,
  })
}
done('langsmith: feedback for 20 runs that do not exist yet')
for (const patch of shuffled(trees.flatMap(({ patches }) => patches))) {
  await call('PATCH', `/runs/${patch.id}`, patch, 202)
}
for (const post of shuffled(trees.flatMap(({ posts }) => posts)).slice(0, 40)) {
  await call('POST', '/api/v1/runs', post, 202)
}
await call('POST', '/runs/batch', { post: shuffled(trees.flatMap(({ posts }) => posts)) }, 202)
done('langsmith: 80 runs in shuffled order, each PATCH before its POST, half of the POSTs twice')

const read = (body, query = '') =>
  call('POST', `/api/v1/datasets/${datasetId}/runs${query}`, {
    session_ids: [experiment.id],
    ...body,
  })
const isComplete = (rows) =>
  rows.length === 20 && rows.every(({ runs }) => runs[0].inputs?.q !== undefined)
const rows = await eventually(() => read({ limit: 100 }), isComplete)
for (const { id, runs, inputs, outputs } of rows) {
  const i = examples.findIndex((example) => example.id === id)
  assert.deepEqual([inputs, outputs], [{ q: i }, { a: i }])
  assert.equal(runs.length, 1)
  const [run] = runs
  assert.equal(run.id, trees[i].root)
  assert.deepEqual([run.status, run.inputs, run.outputs], ['success', { q: i }, { a: i }])
  assert.deepEqual([run.total_tokens, Number(run.total_cost)], [9, 0.000003])
  assert.deepEqual(run.feedback_stats.correct, { n: 1, avg: i / 20, values: {} })
}
done('langsmith: 20 examples with their runs, tokens, cost and feedback')

const filters = { [experiment.id]: ['and(eq(feedback_key, "correct"), gt(feedback_score, 0.5))'] }
assert.equal((await read({ limit: 100, filters })).length, 9)
const best = await read({ limit: 5, sort_params: { sort_by: 'correct', sort_order: 'DESC' } })
assert.deepEqual(
  best.map(({ runs }) => runs[0].outputs.a),
  [19, 18, 17, 16, 15],
)
const [preview] = await read({ limit: 1, preview: true })
assert.equal(preview.runs[0].inputs, null)
assert.equal(typeof preview.runs[0].inputs_preview, 'string')
const csv = await read({}, '?format=csv')
assert.equal(csv.trim().split(/\r?\n/).length, 21)
done('langsmith: filtered, sorted by feedback, previewed, and as CSV')

// --- each through the other -------------------------------------------------------------------------------------

const query = new URLSearchParams({ datasetId, runName: `exp ${name}`, limit: 100 })
const { data } = await call('GET', `/api/public/dataset-run-items?${query}`)
assert.deepEqual(sorted(data.map((item) => item.traceId)), sorted(trees.map(({ root }) => root)))
const crossed = await call('POST', `/datasets/${dataset.id}/runs`, {
  session_ids: [linked[0].datasetRunId],
  limit: 100,
})
assert.equal(crossed.length, 20)
assert.deepEqual(
  crossed.map(({ inputs }) => inputs.question).toSorted((a, b) => a - b),
  numbers(20),
)
done('both: each experiment reads back through the other dialect')
