import { randomUUID } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser, visit } from '../support/browser.ts'
import {
  comparisonRows,
  feedbackOn,
  rootRun,
  runEvent,
  second,
} from '../support/comparison-rows.ts'
import { once, twoExperiments } from '../support/two-experiments.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => browser?.close())

test('a trace of more than 2,000 runs says that it is cut, and leads to all of them', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
  const root = randomUUID()
  const runs = Array.from({ length: 2001 }, (_, i) =>
    runEvent(i === 0 ? root : randomUUID(), {
      traceId: root,
      experimentId: project,
      parentRunId: i === 0 ? null : root,
      name: i === 0 ? 'agent' : `step ${i}`,
      startTime: second(i),
      endTime: second(i + 1),
      createdAt: second(i),
    }),
  )
  await h.ingest(...runs)
  await go(`/app/traces/${root}`)
  await page.getByText('its first 2,000 runs are shown').waitFor()
  expect(await page.locator('.head-facts').textContent()).toContain('first 2,000 runs')
  await page.getByRole('link', { name: 'All of its runs, page by page' }).click()
  // The newest first, which is the one that the trace does not show.
  await page.locator('tbody tr', { hasText: 'step 2000' }).waitFor()
  await page.getByRole('button', { name: 'Show more' }).waitFor()
  expect(complaints).toEqual([])
})

test('of a run with more than 200 scores the first are shown, and it says so', async () => {
  const { h, page, go } = await visit(browser)
  const project = await comparisonRows(h.db, h.tenant.id).experiment(null, 'shop')
  const run = runEvent(randomUUID(), { experimentId: project, name: 'agent', startTime: second(0) })
  run.patch.traceId = run.id
  const scores = Array.from({ length: 501 }, (_, i) => feedbackOn(run, `score ${i}`, i))
  await h.ingest(run, ...scores)
  await go(`/app/traces/${run.id}`)
  await page.getByText('Only the first 200 scores are shown').waitFor()
  await page.getByText('Only 500 scores are counted in the tree').waitFor()
})

test('an example with more executions than are shown says so, beside the other experiment and alone', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const f = await twoExperiments(h, once(1), once(1))
  const example = f.examples[0]!
  await h.ingest(...Array.from({ length: 50 }, () => rootRun(f.candidate, example)))
  await go(`/app/compare?candidate=${f.candidate}&open=${example}`)
  const note = page.getByRole('dialog').locator('.cut-note')
  await note.waitFor()
  expect(await note.allTextContents()).toEqual([
    expect.stringMatching(/^new of .* executed this example more often: 50 executions are shown/),
  ])
  await note.getByRole('link', { name: 'All of its runs' }).waitFor()
  await go(`/app/experiments/${f.candidate}?example=${example}`)
  await note.getByText('50 executions are shown').waitFor()
  expect(complaints).toEqual([])
})

test('an experiment with more measures than are shown says so', async () => {
  const { h, page, go } = await visit(browser)
  const f = await twoExperiments(h, once(1), once(1))
  const run = rootRun(f.candidate, f.examples[0]!)
  const scores = Array.from({ length: 1001 }, (_, i) => feedbackOn(run, `score ${i}`, 1))
  await h.ingest(run, ...scores)
  await go(`/app/experiments/${f.candidate}`)
  await page.getByText('This experiment has more scores: 1,000 measures are shown').waitFor()
})

test('older experiments can be loaded where the two that are compared are chosen', async () => {
  const { h, page, go, complaints } = await visit(browser)
  const f = await twoExperiments(h, once(1), once(1))
  const [held] = await h.db<{ datasetId: string }[]>`
    select dataset_id from experiments where tenant_id = ${h.tenant.id} and id = ${f.baseline}`
  const rows = comparisonRows(h.db, h.tenant.id)
  for (let i = 0; i < 30; i++) {
    const id = await rows.experiment(held!.datasetId, `later ${i}`)
    await h.db`update experiments set created_at = ${second(10 + i)}
      where tenant_id = ${h.tenant.id} and id = ${id}`
  }
  await go(`/app/compare?candidate=${f.candidate}`)
  const candidate = page.getByLabel('Candidate')
  const choices = candidate.locator('option')
  await expect.poll(async () => choices.last().textContent()).toBe('Load older experiments …')
  expect(await choices.allTextContents()).not.toContain('later 0')
  await candidate.selectOption('Load older experiments …')
  await expect.poll(async () => choices.allTextContents()).toContain('later 0')
  expect(await choices.allTextContents()).not.toContain('Load older experiments …')
  expect(await candidate.inputValue()).toBe(f.candidate)
  await candidate.selectOption('later 0')
  await expect.poll(() => new URL(page.url()).searchParams.get('candidate')).not.toBe(f.candidate)
  expect(complaints).toEqual([])
})
