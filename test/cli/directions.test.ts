import { afterEach, expect, test, vi } from 'vitest'
import { compareCommand } from '../../src/cli/compare-command.ts'
import { gateCommand } from '../../src/cli/gate-command.ts'
import { connect, run } from '../support/command-line.ts'
import { feedbackOn, rootRun } from '../support/comparison-rows.ts'
import { harness } from '../support/harness.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const before = once(0.5, 0.4, 0.6, 0.5, 0.7, 0.3, 0.5, 0.6)
const higher = once(0.6, 0.52, 0.69, 0.6, 0.82, 0.39, 0.6, 0.72)

test('compare and gate go by the direction that is stored, unless --direction gives another', async () => {
  const h = await harness()
  const f = await twoExperiments(h, before, higher)
  await connect(h)
  const compared = async (...args: string[]) => run(compareCommand, [f.candidate, ...args])
  const judged = async (...args: string[]) =>
    run(gateCommand, ['--candidate', f.candidate, '--undecided', 'fail', ...args])
  const assumed = /note: higher is taken for better in correct, of which nobody has said/
  expect((await compared()).printed).toMatch(assumed)
  expect(await judged()).toMatchObject({ code: 0, printed: expect.stringMatching(assumed) })

  await h.call('PUT', '/api/runmill/score-directions', { key: 'correct', direction: 'lower' })
  const found = await compared('--regressed', 'correct')
  expect(found.printed).toMatch(/correct \+0\.\d+ .*: worse; 8 pairs, 0 better \/ 8 worse/)
  expect(found.printed).not.toMatch(assumed)
  // The worst first: what rose most.
  expect(found.printed.match(/→ /g)).toHaveLength(8)
  expect(found.printed).toMatch(
    /latency.*\n(?:.*\n)*? {2}\S+ {2}(?:0\.4 → 0\.52|0\.7 → 0\.82|0\.6 → 0\.72) /,
  )
  expect((await judged()).code).toBe(1)

  const { printed } = await compared('--direction', 'correct=higher')
  expect(printed).toMatch(/: better; 8 pairs/)
  expect(printed).toContain('which way correct is better was said for this comparison alone')
  expect((await judged('--direction', 'correct=higher')).code).toBe(0)
  expect(await compared('--direction', 'corect=lower')).toMatchObject({
    code: 64,
    printed: expect.stringContaining(
      '--direction: corect is not judged; what is: correct, latency',
    ),
  })
})

test('compare prints categories too', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1, 1, 1, 1, 1, 1), once(1, 1, 1, 1, 1, 1))
  for (const [side, id] of [f.baseline, f.candidate].entries()) {
    for (const [i, example] of f.examples.entries()) {
      const made = rootRun(id, example)
      const valueText = i < 5 * side ? 'kind' : 'rude'
      await h.ingest(made, feedbackOn(made, 'tone', null, { valueText }))
    }
  }
  await connect(h)
  expect((await run(compareCommand, [f.candidate])).printed).toContain(
    '  tone (Stuart–Maxwell p 0.025, Bowker p 0.025): different; 6 pairs, 5 moved, 0 missing',
  )
})
