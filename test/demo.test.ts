import { expect, test } from 'vitest'
import { executionsOf, variants } from '../scripts/demo/experiments.ts'
import { fillDemo } from '../scripts/demo/fill.ts'
import { makeQuestions } from '../scripts/demo/questions.ts'
import { judgementOf } from '../src/domain/stats/judgement.ts'
import { harness } from './support/harness.ts'
import { replayedRows } from './support/replayed-rows.ts'

const questions = makeQuestions(200)

/** The mean of a score by example. */
function meansOf(name: string, key: string): number[] {
  const variant = variants.find((each) => each.name === name)!
  const sums = questions.map(() => ({ sum: 0, count: 0 }))
  for (const { question, scores } of executionsOf(variant, questions)) {
    const score = scores.find((each) => each.key === key)
    if (score === undefined) continue
    sums[question.n]!.sum += Number(score.value)
    sums[question.n]!.count += 1
  }
  return sums.map(({ sum, count }) => sum / count)
}

test.each([
  ['support-two-articles', 'better', 0.1, 0],
  ['support-refactoring', 'identical', 0, 0],
  ['support-friendlier', 'undecided', 0.02, 0],
  // On average better, and a dozen examples lost.
  ['support-new-model', 'better', 0.05, 12],
])('%s: %s', (name, verdict, least, lost) => {
  const baseline = meansOf('support-main', 'correct')
  const candidate = meansOf(name, 'correct')
  const differences = baseline.map((mean, i) => candidate[i]! - mean)
  const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length
  const square = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0)
  const found = judgementOf(
    {
      pairs: differences.length,
      meanDifference: mean,
      deviation: Math.sqrt(square / (differences.length - 1)),
      equal: differences.filter((d) => Math.abs(d) < 1e-9).length,
      isBinary: false,
      baselineOnlyPasses: 0,
      candidateOnlyPasses: 0,
      differences: null,
    },
    'higher',
  )
  expect(found.verdict).toBe(verdict)
  expect(mean).toBeGreaterThanOrEqual(least)
  expect(differences.filter((d) => d < -0.9).length).toBeGreaterThanOrEqual(lost)
})

test('no two questions of the demo are the same, and nothing is left to fill in', () => {
  expect(new Set(questions.map(({ text }) => text)).size).toBe(questions.length)
  const texts = variants.flatMap((variant) =>
    executionsOf(variant, questions).map(({ answer }) => answer),
  )
  expect([...questions.map(({ text }) => text), ...texts].join('\n')).not.toMatch(/[{}]/)
})

test('the demo fills a server through the protocols of its clients, and filling it again changes nothing', async () => {
  const h = await harness()
  const target = { url: await h.listen(), key: h.tenant.secretKey }
  const count = 3
  const first = await fillDemo(target, count, () => {})
  await h.drain()
  const rows = await replayedRows(h.db, h.tenant.id, (text) => text)
  expect(rows).toMatchObject({ dead_letters: [] })
  expect(rows.examples).toHaveLength(count)
  expect(rows.experiments).toHaveLength(5 + 1)
  for (const { comparisons } of first.comparisons) {
    expect(comparisons[0]!.validity).toMatchObject({
      both: count,
      executions: { baseline: 3 * count, candidate: 3 * count },
      is_same_dataset: true,
      changed_examples: 0,
    })
    const keys = comparisons[0]!.measures.map(({ key, pairs }) => [key, pairs])
    expect(keys).toEqual(
      ['correct', 'helpful', 'invented', 'cost', 'latency', 'tokens'].map((key) => [key, count]),
    )
  }
  // What the user says of a score stays.
  const said = { key: 'helpful', direction: 'lower' }
  await h.call('PUT', '/api/runmill/score-directions', said)
  await fillDemo(target, count, () => {})
  const { directions } = (await h.call('GET', '/api/runmill/score-directions')).body
  expect(directions).toContainEqual({ ...said, source: 'stored' })
  expect(directions).toContainEqual({ key: 'correct', direction: 'higher', source: 'stored' })
  await h.call('PUT', '/api/runmill/score-directions', { ...said, direction: 'higher' })
  expect(await fillDemo(target, count, () => {})).toEqual(first)
  await h.drain()
  expect(await replayedRows(h.db, h.tenant.id, (text) => text)).toEqual(rows)
})
