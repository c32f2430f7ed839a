import { randomUUID } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { exitCodes } from '../../src/cli/exit.ts'
import { datasetsCommand, experimentsCommand } from '../../src/cli/list-commands.ts'
import { tailCommand } from '../../src/cli/tail-command.ts'
import { eventVersion } from '../../src/domain/events.ts'
import { connect, run } from '../support/command-line.ts'
import { comparisonRows, linkEvent, rootRun, runEvent, second } from '../support/comparison-rows.ts'
import { harness } from '../support/harness.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

test('runmill experiments and datasets list what there is, and --json what the server says', async () => {
  const h = await harness()
  await connect(h)
  expect(await run(datasetsCommand, [])).toEqual({ code: 0, printed: 'There are no datasets.' })
  expect(await run(experimentsCommand, [])).toEqual({
    code: 0,
    printed: 'There are no such experiments.',
  })
  const f = await twoExperiments(h, once(1, 0, 1, 0), once(1, 1, 1, 0))
  const [dataset] = await h.db<{ id: string; name: string }[]>`
    select id, name from datasets where tenant_id = ${h.tenant.id}`

  const datasets = await run(datasetsCommand, [])
  expect(datasets.printed.split('\n')).toEqual([
    expect.stringMatching(/^dataset +examples +experiments +last experiment +id$/),
    expect.stringMatching(new RegExp(`^${dataset!.name} +4 +2 +2026-01-02 00:01 +${dataset!.id}$`)),
  ])
  const experiments = await run(experimentsCommand, ['--dataset', dataset!.name])
  expect(experiments.printed.split('\n')).toEqual([
    expect.stringMatching(/^experiment +started +executions +failed +latency +cost +scores$/),
    expect.stringMatching(/^new of .* 2026-01-02 00:01 +4 +0 % +2 s +– +correct 0\.75$/),
    expect.stringMatching(/^base of .* 2026-01-02 00:01 +4 +0 % +2 s +– +correct 0\.5$/),
  ])
  const one = await run(experimentsCommand, ['--metadata', 'n=0', '--json'])
  expect(JSON.parse(one.printed)).toMatchObject([{ id: f.baseline, run_count: 4 }])
  expect(JSON.parse((await run(datasetsCommand, ['--json'])).printed)).toHaveLength(1)
  expect((await run(experimentsCommand, ['--limit', '1'])).printed.split('\n')).toHaveLength(2)
})

test('runmill tail prints a run when it comes, and again when it ends, and nothing twice', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1), once(1))
  await connect(h)
  const now = Date.now()
  const at = (ms: number) => new Date(now + ms).toISOString()
  const open = rootRun(f.candidate, f.examples[0]!, { startTime: at(0), endTime: null })
  await h.ingest(open)
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
  const tail = tailCommand([f.candidate, '--json', '--count', '3'], process.env)
  await expect.poll(() => printed).toHaveLength(1)
  const end = rootRun(f.candidate, f.examples[0]!, { startTime: at(0), endTime: at(2000) }, open.id)
  await h.ingest({ ...end, version: eventVersion('update', second(9), open.id) })
  await expect.poll(() => printed, { timeout: 10_000 }).toHaveLength(2)
  const next = rootRun(f.candidate, f.examples[0]!, { startTime: at(10), endTime: at(20) })
  await h.ingest(next)
  expect(await tail).toBe(0)
  const runs = printed.map((line) => JSON.parse(line))
  expect(runs.map(({ id, status }) => [id, status])).toEqual([
    [open.id, 'pending'],
    [open.id, 'success'],
    [next.id, 'success'],
  ])
})

test('runmill tail asks for what it shows, and for no page beyond those that may have changed', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1), once(1))
  await connect(h)
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  const one = (ms: number) =>
    rootRun(f.candidate, f.examples[0]!, { startTime: at(ms), endTime: at(ms) })
  await h.ingest(...Array.from({ length: 250 }, (_, i) => one(-20_000 + i)))
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
  const sent = vi.spyOn(globalThis, 'fetch')
  const tail = tailCommand([f.candidate, '--count', '251'], process.env)
  await expect.poll(() => printed, { timeout: 20_000 }).toHaveLength(250)
  await h.ingest(one(-100))
  expect(await tail).toBe(0)
  const asked = sent.mock.calls
    .filter(([url]) => typeof url === 'string' && url.endsWith('/runs/query'))
    .map(([, init]) => JSON.parse(init!.body as string))
  expect(asked[0].select).toContain('status')
  expect(asked[0].select).not.toContain('inputs')
  // The first look reads all three pages, each of the next ones the first, or that and the second.
  expect(asked.slice(0, 3).map(({ cursor }) => cursor === undefined)).toEqual([true, false, false])
  const looks = asked.filter(({ cursor }) => cursor === undefined).length
  expect(asked.length).toBeLessThanOrEqual(3 + 2 * (looks - 1))
})

test('runmill tail follows an experiment of Langfuse, whose runs are in the project of its traces', async () => {
  const h = await harness()
  await connect(h)
  const rows = comparisonRows(h.db, h.tenant.id)
  const project = await rows.experiment(null, 'default')
  const dataset = await rows.dataset()
  const experiment = await rows.experiment(dataset, 'nightly')
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  const [linked, other] = [-2000, -1000].map((ms) => {
    const id = randomUUID()
    const patch = { traceId: id, name: 'n', runType: 'chain' as const, startTime: at(ms) }
    return runEvent(id, { ...patch, experimentId: project, endTime: at(ms + 10) })
  })
  await h.ingest(linked!, other!)
  await h.ingest(linkEvent(dataset, experiment, await rows.example(dataset), linked!.id))
  const { code, printed } = await run(tailCommand, ['nightly', '--json', '--count', '1'])
  expect(code).toBe(0)
  expect(JSON.parse(printed)).toMatchObject({ id: linked!.id, status: 'success' })
})

test('a line of runmill tail for people', async () => {
  const h = await harness()
  const f = await twoExperiments(h, once(1), once(1))
  await connect(h)
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  const run1 = rootRun(f.candidate, f.examples[0]!, {
    startTime: at(-2000),
    endTime: at(-500),
    name: 'a\u001B[2Jb',
    error: '"no answer"',
  })
  await h.ingest(run1)
  const { code, printed } = await run(tailCommand, [f.candidate, '--count', '1'])
  expect(code).toBe(0)
  expect(printed).toMatch(
    new RegExp(
      `^[\\d:.]{12} {2}error {4} +1\\.50 s {2}chain {4,6}a \\[2Jb {2}no answer {2}${run1.id}$`,
    ),
  )
})

test.each([
  ['datasets', datasetsCommand, ['x'], exitCodes.usage],
  ['experiments', experimentsCommand, ['x'], exitCodes.usage],
  ['experiments', experimentsCommand, ['--metadata', 'x'], exitCodes.usage],
  ['experiments', experimentsCommand, ['--dataset', 'none'], exitCodes.undecidable],
  ['datasets', datasetsCommand, ['--limit', '0'], exitCodes.usage],
  ['experiments', experimentsCommand, ['--limit', '1.5'], exitCodes.usage],
  ['tail', tailCommand, ['none', '--count', '0'], exitCodes.usage],
  ['tail', tailCommand, [], exitCodes.usage],
  ['tail', tailCommand, ['none'], exitCodes.undecidable],
  ['tail', tailCommand, ['none', '--since', 'soon'], exitCodes.usage],
] as const)('runmill %s, used wrongly', async (_, command, args, code) => {
  const h = await harness()
  await connect(h)
  expect(await run(command, [...args])).toMatchObject({ code })
})
