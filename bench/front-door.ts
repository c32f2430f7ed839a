import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import type { AttackOrder } from './attack/attacker.ts'
import { attacks, createLargeRuns, jsonHeaders, send } from './attack/attacks.ts'
import { withFreshStore } from './fresh-store.ts'
import { writeSection } from './suite/sections.ts'
import { withServer } from './server-process.ts'

/*
 * What others notice while one client attacks the server: a fresh connection for /livez, the same on the port for health,
 * and a write of another tenant over a fresh connection. Each asks again a tenth of a second after it was answered. A server
 * is started anew for each attack; it, Postgres and the attacker, a process of its own, share the machine.
 *
 *   npm run bench -- front-door [--against FOLDER] [--seconds 15] [--connections 390] [--docs] [--json FILE] [--smoke]
 *
 * --against is a folder of an earlier version with its `dist`, which is attacked as well. --docs writes the table into
 * docs/overload.md.
 */

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    connections: { type: 'string', default: '390' },
    seconds: { type: 'string', default: '15' },
    docs: { type: 'boolean', default: false },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const connections = values.smoke ? 20 : Number(values.connections)
const seconds = values.smoke ? 1 : Number(values.seconds)
const answerLimitMs = 20_000
/** Attacks take hold after a while. */
const attackFirstMs = 500

interface Noticed {
  livez: string
  health: string
  write: string
}

const rows: { attack: string; before: Noticed | null; after: Noticed }[] = []
const all = [null, ...attacks(connections).map(({ name }) => name)]
// A server for each takes its time to start: a smoke test makes do with three.
for (const attack of values.smoke ? [all[1]!, ...all.slice(-2)] : all) {
  const before = values.against === undefined ? null : await measure(attack, values.against)
  rows.push({ attack: attack ?? 'none', before, after: await measure(attack) })
  console.log(JSON.stringify(rows.at(-1)))
}
const table = tableOf()
console.log(table)
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(rows))
if (values.docs) await writeSection('overload.md', 'attacks', table)

/** @param attack its name; null for none */
async function measure(attack: string | null, against?: string): Promise<Noticed> {
  let noticed: Noticed | undefined
  await withFreshStore(
    async (store) => {
      await withServer(store, { against, settings: { LOG_LEVEL: 'fatal' } }, async (server) => {
        const { url, healthUrl } = server
        const [attacker, other] = [await insertTenant(store.db), await insertTenant(store.db)]
        const sessionId = await createLargeRuns(url, attacker)
        // The first requests compile the code that the others run.
        await send(`${url}/feedback`, writeOf(other), feedback())
        const target = { url, attacker, sessionId }
        const end = attack === null ? null : begin({ name: attack, connections, target })
        await pause(attackFirstMs)
        const until = performance.now() + seconds * 1000
        const [livez, health, write] = await Promise.all([
          ask(until, async () => send(`${url}/livez`, limited({ agent: false }))),
          ask(until, async () => send(`${healthUrl}/livez`, limited({ agent: false }))),
          ask(until, async () => send(`${url}/feedback`, writeOf(other), feedback())),
        ])
        await end?.()
        noticed = { livez, health, write }
      })
    },
    { isBare: against !== undefined },
  )
  return noticed!
}

/** Begins an attack in a process of its own. @returns what ends it */
function begin(order: AttackOrder): () => Promise<void> {
  const attacker = fork(join(import.meta.dirname, 'attack', 'attacker.ts'), {
    execArgv: process.execArgv,
  })
  const exited = once(attacker, 'exit')
  attacker.send(order)
  return async () => {
    attacker.disconnect()
    await exited
  }
}

/** Asks one time after the other. @returns in words, how long answers took and how many were none or a refusal */
async function ask(until: number, act: () => Promise<{ status: number }>): Promise<string> {
  const times: number[] = []
  const refused = new Map<string, number>()
  const note = (what: string): void => void refused.set(what, (refused.get(what) ?? 0) + 1)
  while (performance.now() < until) {
    const from = performance.now()
    try {
      const { status } = await act()
      if (status >= 300) note(String(status))
      else times.push(performance.now() - from)
    } catch {
      note('no answer')
    }
    await pause(100)
  }
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(0)} ms`
  const answered = sorted.length === 0 ? [] : [`p50 ${at(0.5)}, p99 ${at(0.99)}`]
  const others = [...refused].map(([what, count]) => `${count} × ${what}`)
  return [...answered, ...others].join(', ')
}

function writeOf(tenant: TestTenant) {
  return limited({ method: 'POST', headers: jsonHeaders(tenant), agent: false as const })
}

function limited<T extends object>(options: T): T & { signal: AbortSignal } {
  return { ...options, signal: AbortSignal.timeout(answerLimitMs) }
}

function feedback(): string {
  return JSON.stringify({ run_id: randomUUID(), key: 'score', score: 1 })
}

/** As Markdown. Versions before this one served health on the same port. */
function tableOf(): string {
  const lines = ['| Attack | What others ask for | Before | After |', '| --- | --- | --- | --- |']
  for (const { attack, before, after } of rows) {
    const asked = [
      ['/livez', before?.livez, after.livez],
      ['/livez on the port for health', before?.health, after.health],
      ['a write of another tenant', before?.write, after.write],
    ]
    for (const [i, [what, was, is]] of asked.entries()) {
      lines.push(`| ${i === 0 ? attack : ''} | ${what} | ${was ?? 'not measured'} | ${is} |`)
    }
  }
  return lines.join('\n')
}
