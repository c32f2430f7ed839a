// node scripts/compare-check.mjs URL KEY FILE: uploads the scores of two models on 198 questions, five times each
// (`examples/data/gpqa_diamond_scores.csv` of github.com/stephlinds/evalconfidence at ba5613a8), and compares what the
// server says of them with scipy's figures.
import { readFile } from 'node:fs/promises'
import { createHash, randomUUID } from 'node:crypto'

const [url, key, file] = process.argv.slice(2)
const expected = {
  delta: 0.0585858586,
  p: 0.0362710015,
  low: 0.0037847929,
  high: 0.1133869243,
  detectable: 0.0779,
  better: 62,
  worse: 46,
  equal: 90,
}

const rows = (await readFile(file, 'utf8'))
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [item, model, score, epoch] = line.split(',')
    return { item, model, score: Number(score), epoch: Number(epoch) }
  })
const mark = randomUUID()
const idOf = (item) => {
  const hex = createHash('sha256')
    .update(mark + item)
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
const start = Date.UTC(2026, 0, 2)

async function post(path, body) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

let datasetId
const names = {}
for (const model of ['openai/gpt-5.4-mini', 'openai/gpt-5-nano']) {
  const own = rows.filter((row) => row.model.startsWith(model))
  names[model] = `${model} ${mark}`
  const { dataset } = await post('/api/v1/datasets/upload-experiment', {
    ...(datasetId === undefined ? { dataset_name: `gpqa ${mark}` } : { dataset_id: datasetId }),
    experiment_name: names[model],
    experiment_start_time: new Date(start).toISOString(),
    experiment_end_time: new Date(start + 60_000).toISOString(),
    results: own.map(({ item, score, epoch }) => ({
      row_id: idOf(item),
      inputs: { item },
      actual_outputs: { epoch },
      start_time: new Date(start + epoch * 1000).toISOString(),
      end_time: new Date(start + epoch * 1000 + 500).toISOString(),
      evaluation_scores: [{ key: 'correct', score }],
    })),
  })
  datasetId = dataset.id
  console.log(`${names[model]}: ${own.length} executions`)
}

const asked = { candidates: [names['openai/gpt-5-nano']], measures: ['correct'], limit: 50 }
const before = performance.now()
const answer = await post('/api/runmill/compare', asked)
console.log(`compared in ${Math.round(performance.now() - before)} ms`)
const [measure] = answer.comparisons[0].measures
console.log(measure.summary)
const { delta, p, interval, detectable, better, worse, equal } = measure
const found = { delta, p, low: interval[0], high: interval[1], detectable, better, worse, equal }
const wrong = Object.entries(expected).filter(([name, value]) => {
  const places = name === 'detectable' ? 5e-5 : 5.1e-11
  return !(Math.abs(found[name] - value) <= places)
})
for (const [name, value] of wrong) console.error(`${name}: ${found[name]}, not ${value}`)
process.exitCode = wrong.length === 0 ? 0 : 1
