import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { compareCommand } from '../../src/cli/compare-command.ts'
import { eventVersion } from '../../src/domain/events.ts'
import { exitCodes } from '../../src/cli/exit.ts'
import { gateCommand } from '../../src/cli/gate-command.ts'
import { comparisonRows, feedbackOn, rootRun, second } from '../support/comparison-rows.ts'
import { connect, run } from '../support/command-line.ts'
import { harness } from '../support/harness.ts'
import { compiledFile } from '../support/runmill-process.ts'
import { once, type Scores, twoExperiments } from '../support/two-experiments.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const base = once(0.5, 0.4, 0.6, 0.5, 0.7, 0.3, 0.5, 0.6)
const shifted = (...by: number[]): Scores =>
  base.map((scores, i) => [scores![0]! + by[i % by.length]!])

describe('runmill gate', () => {
  test.each([
    [
      'better',
      0,
      base,
      shifted(0.1, 0.12, 0.09),
      [],
      /^Pass: new of .*\n {2}correct \+0\.\d+ \(95 % .*\): better; 8 pairs, 8 better \/ 0 worse/,
    ],
    [
      'not worse within a margin',
      0,
      base,
      shifted(-0.01, 0.02, -0.02),
      ['--margin', '0.05'],
      /: not worse;/,
    ],
    [
      'worse',
      1,
      base,
      shifted(-0.1, -0.12, -0.09),
      [],
      /^Fail: [^]*correct: it is worse\n[^]*worse in correct: \S+ 0\.4 → 0\.28/,
    ],
    ['undecided', 1, base, shifted(-0.2, 0.25), [], /correct: it may be worse by more than 0/],
    [
      'undecided, which passes',
      0,
      base,
      shifted(-0.2, 0.25),
      ['--undecided', 'pass'],
      /: undecided;/,
    ],
    ['identical', 0, base, base, [], /: identical;/],
    [
      'better on average, with a new failure',
      1,
      base,
      shifted(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, -0.01),
      ['--no-new-failures'],
      /correct: 1 example worse than before/,
    ],
    [
      'below a mean',
      1,
      base,
      base,
      ['--min-mean', 'correct=0.9'],
      /correct: its mean is 0\.5125, not 0\.9/,
    ],
    ['empty', 2, base, base.map(() => null), [], /no example is in both/],
    ['too few', 2, once(1, 0), once(1, 1), [], /correct: 2 pairs say nothing/],
    ['some missing', 2, base, [...base.slice(1), null], [], /1 example missing in the candidate/],
    [
      'some missing, which may be',
      0,
      base,
      [...base.slice(0, 7), null],
      ['--max-missing', '1'],
      /^Pass/,
    ],
    ['failed', 1, base, [...base.slice(0, 7), []], [], /1 example failed in the candidate/],
    ['failed, which may be', 0, base, [...base.slice(0, 7), []], ['--max-errors', '1'], /^Pass/],
    [
      'a score that nobody gave',
      2,
      base,
      base,
      ['--score', 'other'],
      /no numbers for other in either/,
    ],
    [
      'a least mean for all scores',
      1,
      base,
      base,
      ['--min-mean', '0.9'],
      /its mean is 0\.5125, not 0\.9/,
    ],
    [
      'a misspelt score',
      64,
      base,
      base,
      ['--min-mean', 'corect=0.1'],
      /--min-mean: corect is not judged; what is: correct/,
    ],
    [
      'a misspelt direction',
      64,
      base,
      base,
      ['--direction', 'corect=lower'],
      /--direction: corect is not judged/,
    ],
    [
      'a direction that is none',
      64,
      base,
      base,
      ['--direction', 'correct=down'],
      /--direction takes KEY=higher or KEY=lower, not correct=down/,
    ],
    [
      'a baseline with less',
      2,
      [...base.slice(0, 6), null, null],
      base,
      [],
      /2 examples missing in the baseline/,
    ],
    [
      'failed only now',
      1,
      base,
      [...base.slice(0, 7), []],
      ['--max-errors', '1', '--no-new-failures'],
      /1 example failed that did not before/,
    ],
    [
      'an old baseline',
      2,
      base,
      base,
      ['--max-baseline-age', '7d'],
      /the baseline is \d+ days old/,
    ],
  ] as [string, number, Scores, Scores, string[], RegExp][])(
    '%s: %i',
    async (_, code, baseline, candidate, args, printed) => {
      const h = await harness()
      const f = await twoExperiments(h, baseline, candidate)
      await connect(h)
      const undecided = args.includes('--undecided') ? [] : ['--undecided', 'fail']
      const found = await run(gateCommand, [
        '--candidate',
        f.candidate,
        '--baseline',
        f.baseline,
        ...undecided,
        ...args,
      ])
      expect(found.printed).toMatch(printed)
      expect(found.code).toBe(code)
    },
  )

  test('unfinished: 2, or judged once it is finished', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, base)
    const open = rootRun(f.candidate, f.examples[0]!, { endTime: null })
    await h.ingest(open)
    await connect(h)
    const args = ['--candidate', f.candidate, '--undecided', 'fail']
    const early = await run(gateCommand, args)
    expect(early).toMatchObject({
      code: 2,
      printed: expect.stringContaining('1 example unfinished in the candidate'),
    })
    const waiting = run(gateCommand, [...args, '--wait', '10m'])
    const end = rootRun(f.candidate, f.examples[0]!, {}, open.id)
    await h.ingest({ ...end, version: eventVersion('update', second(9), open.id) })
    expect(await waiting).toMatchObject({ code: 0 })
  })

  test('a candidate and a baseline by their metadata', async () => {
    const h = await harness()
    await twoExperiments(h, base, base)
    await connect(h)
    const args = ['--candidate', 'latest:n=1', '--baseline', 'latest:n=0', '--undecided', 'fail']
    expect(await run(gateCommand, args)).toMatchObject({ code: 0 })
    expect(
      await run(gateCommand, ['--candidate', 'latest:n=2', '--undecided', 'fail']),
    ).toMatchObject({
      code: 2,
      printed: 'There is no experiment with the metadata {"n":"2"} on a dataset',
    })
  })

  test('several scores: each has its own interval, which is said; with --family one that holds for all', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, shifted(-0.1, -0.02, 0))
    for (const experiment of [f.baseline, f.candidate]) {
      const runs = await h.db<
        { id: string }[]
      >`select id from runs where experiment_id = ${experiment}`
      const keys = Array.from({ length: 9 }, (_, i) => `same ${i}`)
      await h.ingest(...runs.flatMap(({ id }) => keys.map((key) => feedbackOn({ id }, key, 1))))
    }
    await connect(h)
    const args = ['--candidate', 'latest:n=1', '--undecided', 'pass']
    const usual = await run(gateCommand, args)
    expect(usual).toMatchObject({
      code: 1,
      printed: expect.stringMatching(
        /correct: it is worse\n[^]*95 % for each of 10 scores, not corrected: --family corrects them/,
      ),
    })
    const family = await run(gateCommand, [...args, '--family'])
    expect(family).toMatchObject({
      code: 0,
      printed: expect.stringMatching(
        /correct -[\d.]+ \(99\.5 % [^]*: undecided;[^]*95 % over all 10 scores together/,
      ),
    })
    expect(await run(gateCommand, [...args, '--family', '--score', 'correct'])).toMatchObject({
      code: 1,
    })
  })

  test('more scores than a request names, by one pair of experiments throughout', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, base)
    for (const experiment of [f.baseline, f.candidate]) {
      const runs = await h.db<
        { id: string }[]
      >`select id from runs where experiment_id = ${experiment}`
      const keys = Array.from({ length: 101 }, (_, i) => `score ${i}`)
      await h.ingest(...runs.flatMap(({ id }) => keys.map((key) => feedbackOn({ id }, key, 1))))
    }
    await connect(h)
    const sent = vi.spyOn(globalThis, 'fetch')
    const args = ['--candidate', 'latest', '--undecided', 'fail']
    expect(await run(gateCommand, args)).toMatchObject({ code: 0 })
    const [first, second] = sent.mock.calls.map(([, init]) => JSON.parse(init!.body as string))
    expect(first).toMatchObject({ candidates: ['latest'], baseline: 'previous' })
    expect(second).toMatchObject({ candidates: [f.candidate], baseline: f.baseline })
    expect(await run(gateCommand, [...args, '--family'])).toMatchObject({ code: 64 })
  })

  test('JSON, Markdown and JUnit say the same, and names of a client are no markup in them', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, shifted(-0.1, -0.12))
    await h.db`update experiments set name = '<b>|x' where tenant_id = ${h.tenant.id} and id = ${f.candidate}`
    await connect(h)
    const folder = await mkdtemp(join(tmpdir(), 'runmill-gate-'))
    const files = [join(folder, 'gate.md'), join(folder, 'gate.xml')] as const
    const args = [
      '--candidate',
      f.candidate,
      '--undecided',
      'fail',
      '--json',
      '--markdown',
      files[0],
      '--junit',
      files[1],
    ]
    const { code, printed } = await run(gateCommand, args)
    expect(code).toBe(1)
    const verdict = JSON.parse(printed)
    expect(verdict).toMatchObject({
      version: 1,
      outcome: 'fail',
      exit_code: 1,
      reasons: [{ key: 'correct', message: 'it is worse' }],
      family: ['correct'],
    })
    expect(verdict.regressed[0].rows).toHaveLength(8)
    const [markdown, junit] = await Promise.all(files.map(async (file) => readFile(file, 'utf8')))
    expect(markdown).toMatch(
      /^<!-- runmill-gate -->\n\*\*Fail\*\*: \\<b\\>\\\|x against base of [^]*\n\| correct \| 0\.512 \| 0\.403 \| -0\.11 \|/,
    )
    expect(junit).toMatch(
      /<testsuite name="runmill gate" tests="2" failures="1">[^]*<testcase classname="runmill" name="correct"><failure message="it is worse">/,
    )
  })

  test.each([
    ['without a candidate', []],
    ['without a word on undecided', ['--candidate', 'x']],
    ['an unknown option', ['--candidate', 'x', '--undecided', 'fail', '--unknown']],
    ['a margin below 0', ['--candidate', 'x', '--undecided', 'fail', '--margin', '-1']],
    ['a time that is none', ['--candidate', 'x', '--undecided', 'fail', '--wait', 'soon']],
  ])('wrong usage, %s: 64', async (_, args) => {
    expect(await run(gateCommand, args)).toMatchObject({ code: exitCodes.usage })
  })

  test('scores that have not arrived: 2, and what was added to the dataset since counts for nothing', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, base)
    const [first] = await h.db<{ id: string }[]>`
      select id from feedback where tenant_id = ${h.tenant.id} order by id limit 1`
    await h.call('DELETE', `/feedback/${first!.id}`)
    await connect(h)
    const args = ['--candidate', f.candidate, '--baseline', f.baseline, '--undecided', 'fail']
    const found = await run(gateCommand, args)
    expect(found.code).toBe(2)
    expect(found.printed).toMatch(
      /correct: 1 example of the (?:baseline|candidate) without a score/,
    )
    expect(await run(gateCommand, [...args, '--max-missing', '1'])).toMatchObject({ code: 0 })

    const rows = comparisonRows(h.db, h.tenant.id)
    const [dataset] = await h.db<{ datasetId: string }[]>`
      select dataset_id from experiments where tenant_id = ${h.tenant.id} and id = ${f.baseline}`
    const run9 = rootRun(
      f.candidate,
      await rows.example(dataset!.datasetId, { createdAt: second(1000) }),
    )
    await h.ingest(run9, feedbackOn(run9, 'correct', 1))
    const grown = await run(gateCommand, [...args, '--max-missing', '1'])
    expect(grown).toMatchObject({ code: 0 })
  })

  test('an answer that is not ours: 69, and files say that nothing could be judged', async () => {
    const server = createServer((_, response) => response.end('<html>'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    vi.stubEnv('RUNMILL_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    vi.stubEnv('RUNMILL_API_KEY', 'x')
    const file = join(await mkdtemp(join(tmpdir(), 'runmill-gate-')), 'gate.md')
    const args = ['--candidate', 'x', '--undecided', 'fail', '--markdown', file]
    expect(await run(gateCommand, args)).toMatchObject({ code: 69 })
    expect(await readFile(file, 'utf8')).toMatch(/^<!-- runmill-gate -->\n\*\*Cannot judge\*\*: /)
    server.close()
  })

  test('no settings or a wrong key: 64; no such experiment: 2; server away: 69', async () => {
    const args = ['--candidate', 'none', '--undecided', 'fail']
    vi.stubEnv('RUNMILL_URL', '')
    expect(await run(gateCommand, args)).toMatchObject({ code: 64 })
    const h = await harness()
    await connect(h)
    expect(await run(gateCommand, args)).toMatchObject({
      code: 2,
      printed: 'There is no experiment none on a dataset',
    })
    await connect(h, 'wrong')
    expect(await run(gateCommand, args)).toMatchObject({
      code: 64,
      printed: expect.stringContaining('refuses RUNMILL_API_KEY'),
    })
    vi.stubEnv('RUNMILL_URL', 'http://127.0.0.1:1')
    expect(await run(gateCommand, args)).toMatchObject({
      code: 69,
      printed: expect.stringContaining('cannot be reached'),
    })
  })
})

test('runmill compare prints each measure, and the examples that did worse', async () => {
  const h = await harness()
  const f = await twoExperiments(h, base, shifted(0.1, -0.05))
  await connect(h)
  const { code, printed } = await run(compareCommand, [
    f.candidate,
    '--score',
    'correct',
    '--regressed',
    'correct',
    '--top',
    '2',
  ])
  expect(code).toBe(0)
  expect(printed.split('\n')).toEqual([
    expect.stringMatching(/^new of \S+ against base of /),
    expect.stringMatching(
      /^ {2}correct \+0\.025 .*: undecided; 8 pairs, 4 better \/ 4 worse \/ 0 equal, 0 missing$/,
    ),
    expect.stringContaining('  note: higher is taken for better in correct, '),
    expect.stringContaining(`  ${f.examples[7]}  0.6 → 0.55  {"question":7}`),
    expect.stringContaining(`  ${f.examples[5]}  `),
  ])
})

test('the program ends with the exit code of its command', () => {
  const ended = (...args: string[]) =>
    spawnSync(process.execPath, [compiledFile('src/cli/main.ts'), ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, RUNMILL_URL: 'http://127.0.0.1:1', RUNMILL_API_KEY: 'x' },
    })
  expect(ended('compare', 'x')).toMatchObject({ status: 69, stdout: '' })
  expect(ended('nothing')).toMatchObject({
    status: 64,
    stderr: expect.stringContaining('runmill gate'),
  })
  expect(ended('--help')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('RUNMILL_URL'),
  })
})
