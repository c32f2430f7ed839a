import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { inject } from 'vitest'
import { findBrowser } from './find-browser.ts'
import { harness, type Harness } from './harness.ts'

/** @throws Error when there is none: the page is only tested in a real browser */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser()
  if (executablePath === null)
    throw new Error(
      'The tests of the page need Chromium: install it (apt-get install chromium), or set CHROMIUM_PATH.',
    )
  // The sandbox needs what containers and root do not have. Only our own page is loaded.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** The folder with the built page, which the files of a run share. */
export function builtPage(): string {
  const folder = join(inject('scratchFolder'), 'page')
  if (existsSync(folder)) return folder
  // Of two workers that build at once, one comes too late.
  const own = `${folder}-${process.pid}`
  execFileSync(process.execPath, ['scripts/build-page.mjs', own], { stdio: 'inherit' })
  try {
    renameSync(own, folder)
  } catch (error) {
    rmSync(own, { recursive: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

export interface Visit {
  h: Harness
  page: Page
  url: string
  /** What the browser complained about: errors of scripts, and what the policy did not allow. */
  complaints: string[]
  /** Opens an address of the page. */
  go(path: string): Promise<void>
}

export interface VisitOptions {
  width?: number
  colours?: 'light' | 'dark'
  /** False: nobody has signed in. */
  isSignedIn?: boolean
}

/** Makes a tab one in which somebody has signed in. Scripts for the browser are texts: the types here are those of Node. */
export async function keepKey(page: Page, key: string): Promise<void> {
  const authorization = JSON.stringify(`Bearer ${key}`)
  await page.addInitScript({
    content: `sessionStorage.setItem('runmill.key', ${authorization})`,
  })
}

/** A server that listens, with the page, and a tab in which its tenant has signed in. */
export async function visit(
  browser: Browser,
  { width = 1440, colours = 'light', isSignedIn = true }: VisitOptions = {},
): Promise<Visit> {
  const h = await harness({ pageFolder: builtPage() })
  await h.app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(h.app.server.address() as AddressInfo).port}`
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: colours,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  // For what hangs.
  page.setDefaultTimeout(120_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  if (isSignedIn) {
    await keepKey(page, h.tenant.secretKey)
  }
  return { h, page, url, complaints, go: async (path) => void (await page.goto(url + path)) }
}
