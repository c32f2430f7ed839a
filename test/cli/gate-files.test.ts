import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { gateCommand } from '../../src/cli/gate-command.ts'
import { readGateFile } from '../../src/cli/gate-file.ts'
import { connect, run } from '../support/command-line.ts'
import { harness } from '../support/harness.ts'
import { once, type Scores, twoExperiments } from '../support/two-experiments.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const base = once(0.5, 0.4, 0.6, 0.5, 0.7, 0.3, 0.5, 0.6)
const shifted = (by: number): Scores =>
  base.map((scores, i) => [scores![0]! + by * (1 + (i % 3) / 10)])

async function fileOf(text: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'runmill-gate-')), 'gate.yml')
  await writeFile(file, text)
  return file
}

describe('settings from a file', () => {
  test.each([
    ['a margin', 'undecided: fail\nmargin: 0.2\n', [], 0],
    ['a margin by score', 'undecided: fail\nmargin: { correct: 0.2 }\n', [], 0],
    ['no margin', 'undecided: fail\n', [], 1],
    ['an option wins', 'undecided: fail\nmargin: 0\n', ['--margin', '0.2'], 0],
    ['a list', 'undecided: fail\nscore: [correct]\nmargin: [correct=0.2]\n', [], 0],
    [
      'no new failures',
      'undecided: fail\nmargin: 0.2\nno-new-failures: true\nmax-errors: 3\n',
      [],
      1,
    ],
    ['a misspelt setting', 'undecided: fail\nmargins: 0.2\n', [], 64],
    ['a wrong value', 'undecided: fail\nmargin: soon\n', [], 64],
    ['a map where none can be', 'undecided: fail\nwait: { a: 1 }\n', [], 64],
    ['a flag that is none', 'undecided: fail\nno-new-failures: 3\n', [], 64],
    ['nothing', '', [], 64],
    ['no YAML', 'undecided: [fail\n', [], 64],
  ] as [string, string, string[], number][])('%s', async (_, text, args, code) => {
    const h = await harness()
    const f = await twoExperiments(h, base, shifted(-0.1))
    await connect(h)
    const file = await fileOf(text)
    const found = await run(gateCommand, ['--file', file, '--candidate', f.candidate, ...args])
    expect(found.code, found.printed).toBe(code)
  })

  test('one that is not there: 64', async () => {
    expect(await run(gateCommand, ['--file', '/nowhere/gate.yml'])).toMatchObject({
      code: 64,
      printed: expect.stringContaining('/nowhere/gate.yml cannot be read'),
    })
  })

  test('the example can be read', async () => {
    expect(await readGateFile(join(import.meta.dirname, '../../examples/ci/gate.yml'))).toEqual({
      baseline: 'latest:branch=main',
      undecided: 'fail',
      margin: ['0.02'],
      'max-missing': '0',
      'max-errors': '0',
      'max-baseline-age': '30d',
      wait: '15m',
    })
  })
})

describe('what is written', () => {
  test.each([
    ['better', shifted(0.1), 0],
    ['worse', shifted(-0.1), 1],
    ['identical', base, 0],
    ['too few', once(1, 0), 2],
    ['nothing in common', base.map(() => null), 2],
  ] as [string, Scores, number][])(
    'the verdict is as docs/gate-verdict.schema.json says: %s',
    async (_, candidate, code) => {
      const validate = await verdictSchema()
      const h = await harness()
      const f = await twoExperiments(h, base.slice(0, candidate.length), candidate)
      await connect(h)
      const args = ['--candidate', f.candidate, '--undecided', 'fail', '--json']
      const found = await run(gateCommand, args)
      expect(found.code).toBe(code)
      const verdict = JSON.parse(found.printed)
      expect(validate(verdict), JSON.stringify(validate.errors)).toBe(true)
      expect(validate({ ...verdict, extra: 1 })).toBe(false)
      expect(found.printed).not.toContain('NaN')
    },
  )

  test('also where nothing could be judged, or nobody answers', async () => {
    const validate = await verdictSchema()
    const printed: string[] = []
    vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
    const h = await harness()
    await connect(h)
    const args = ['--candidate', 'none', '--undecided', 'fail', '--json']
    await expect(gateCommand(args, process.env)).rejects.toMatchObject({ code: 2 })
    vi.stubEnv('RUNMILL_URL', 'http://127.0.0.1:1')
    await expect(gateCommand(args, process.env)).rejects.toMatchObject({ code: 69 })
    const verdicts = printed.map((text) => JSON.parse(text))
    expect(verdicts.map(({ exit_code: code, outcome }) => [code, outcome])).toEqual([
      [2, 'cannot judge'],
      [69, 'cannot judge'],
    ])
    for (const verdict of verdicts) expect(validate(verdict)).toBe(true)
  })

  test('a file that cannot be written: 64, whatever the verdict', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, base)
    await connect(h)
    const args = ['--candidate', f.candidate, '--undecided', 'fail', '--junit', '/nowhere/x.xml']
    expect(await run(gateCommand, args)).toEqual({
      code: 64,
      printed: expect.stringContaining('/nowhere/x.xml cannot be written: ENOENT'),
    })
  })

  test('while it waits it says for what, once for each reason', async () => {
    const h = await harness()
    await connect(h)
    const told: string[] = []
    vi.spyOn(console, 'error').mockImplementation((text: string) => void told.push(text))
    const args = ['--candidate', 'late', '--undecided', 'fail', '--wait', '3s']
    expect(await run(gateCommand, args)).toMatchObject({ code: 2 })
    expect(told).toEqual(['runmill: waiting, because There is no experiment late on a dataset'])
  })

  test('the comment links to the comparison and to the worst examples, and says how old the baseline is', async () => {
    const h = await harness()
    const f = await twoExperiments(h, base, shifted(-0.1))
    const url = await connect(h)
    const file = await fileOf('')
    const args = ['--candidate', f.candidate, '--undecided', 'fail', '--markdown', file]
    const { code, printed } = await run(gateCommand, args)
    expect(code).toBe(1)
    const compared = `${url}/app/compare?baseline=${f.baseline}&candidate=${f.candidate}`
    const markdown = await readFile(file, 'utf8')
    expect(markdown).toContain(
      `- [\`${f.examples[0]}\`](${compared}&open=${f.examples[0]}) 0.5 → 0.4`,
    )
    expect(markdown).toMatch(/baseline of 2026-01-02, \d+ days old/)
    expect(markdown).toContain(`[8 examples in both](${compared})`)
    expect(printed.split('\n').at(-1)).toBe(`  ${compared}`)
  })
})

async function verdictSchema() {
  const text = await readFile(
    join(import.meta.dirname, '../../docs/gate-verdict.schema.json'),
    'utf8',
  )
  return new Ajv({ allowUnionTypes: true }).compile(JSON.parse(text))
}
