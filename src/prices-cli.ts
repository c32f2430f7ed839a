import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chooseTenant, runCommand, UsageError } from './command.ts'
import { systemClock } from './domain/clock.ts'
import { parseTimestamp, type Timestamp } from './domain/timestamp.ts'
import type { Db } from './store/pool.ts'
import {
  type Repricing,
  repricingFind,
  repricingInsert,
  repricingListUnfinished,
} from './store/write/prices/repricings.ts'

const usage = `npm run prices -- recompute [--from TIME] [--to TIME] [--no-wait] [--tenant ID]
                                        computes the costs of runs anew, with the prices of today
npm run prices -- status [ID] [--tenant ID]
                                        tells how far this work is`

const askEveryMs = 1000

type Action = (db: Db, tenantId: string) => Promise<void>

const { tenant, action } = readArguments(process.argv.slice(2))
await runCommand(async (db) => action(db, (await chooseTenant(db, tenant)).id))

function readArguments(args: string[]): { tenant: string | undefined; action: Action } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        tenant: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        'no-wait': { type: 'boolean' },
      },
    })
    const [command, id] = positionals
    if (command === 'recompute') {
      const { from, to, 'no-wait': noWait } = values
      return { tenant: values.tenant, action: recompute({ from, to, waits: noWait !== true }) }
    }
    if (command === 'status') return { tenant: values.tenant, action: status(id) }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
  console.error(usage)
  process.exit(2)
}

/** A worker does the work, so that this command may end before it. */
function recompute(given: {
  from: string | undefined
  to: string | undefined
  waits: boolean
}): Action {
  return async (db, tenantId) => {
    const range = { from: timeOf('--from', given.from), to: timeOf('--to', given.to) }
    const id = randomUUID()
    await repricingInsert(db, tenantId, id, range, systemClock.now())
    console.log(`repricing ${id}: a worker begins within seconds`)
    if (given.waits) await follow(db, tenantId, id)
  }
}

function timeOf(option: string, text: string | undefined): Timestamp | null {
  if (text === undefined) return null
  const time = parseTimestamp(text)
  if (time === null)
    throw new UsageError(`${option} must be a time, for example 2026-01-31T00:00:00Z.`)
  return time
}

/** Prints each change of the progress until the end. */
async function follow(db: Db, tenantId: string, id: string): Promise<void> {
  for (let last = ''; ; await pause(askEveryMs)) {
    const repricing = await repricingFind(db, tenantId, id)
    const line = repricing === null ? 'gone' : progressOf(repricing)
    if (line !== last) console.log(line)
    if (repricing === null || repricing.finishedAt !== null) return
    last = line
  }
}

function status(id: string | undefined): Action {
  return async (db, tenantId) => {
    const unfinished = await repricingListUnfinished(db, 100)
    const own = unfinished.filter((each) => each.tenantId === tenantId).map((each) => each.id)
    const ids = id === undefined ? own : [id]
    for (const each of ids) {
      const repricing = await repricingFind(db, tenantId, each)
      if (repricing === null) throw new UsageError(`Tenant ${tenantId} has no repricing ${each}.`)
      console.log(`${each}  ${progressOf(repricing)}`)
    }
    if (ids.length === 0) console.log('nothing is being computed')
  }
}

function progressOf({ runsTotal, runsDone, runsChanged, finishedAt }: Repricing): string {
  if (finishedAt !== null) return `done: ${runsDone} runs looked at, ${runsChanged} changed`
  if (runsTotal === null) return 'waiting for a worker'
  return `${runsDone} of ${runsTotal} runs looked at, ${runsChanged} changed`
}
