import { hash } from 'node:crypto'
import { countOf, readArguments } from './arguments.ts'
import { ask, type Connection, readConnection } from './client.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { plain } from './render.ts'
import { tableText, timeText } from './table.ts'

const usage = `runmill dead-letters list [FILTER] [--limit N]      lists events that the database refused, the newest first
runmill dead-letters reasons                        counts the newest 1,000 by reason
runmill dead-letters show ID                        prints one with its event
runmill dead-letters replay ID | FILTER | --all     puts them into the queue again; repeating it changes nothing
runmill dead-letters discard ID | FILTER | --all    removes them for good

  FILTER is one or more of:
  --kind KIND        run, trace, run_item or feedback
  --reason TEXT      a part of the reason
  --reason-is TEXT   the whole reason
  --before TIME      kept before that time (replay and discard)

  --tenant ID        another tenant, with a key of the scope admin
  --limit N          how many are listed (default 50)
  --json             prints what the server answers

Ends with 0: done, 1: some were refused again, 2: there is no such event, 64: wrong usage or key, 69: server not reachable.`

const path = '/api/runmill/dead-letters'
const pageSize = 100

interface Letter {
  id: string
  kind: string
  row_id: string
  reason: string
  received_at: string
  bytes: number
}

/** What replays did. `refused` are the new ids of those that the database refused again. */
interface Replayed {
  replayed: number
  applied: number
  refused: string[]
}

type Query = Record<string, string>

/** The parts of one command line. */
interface Asked {
  connection: Connection
  id: string | undefined
  filter: Query
  isAll: boolean
  /** Names another tenant, or is empty. */
  tenant: Query
  limit: string
  isJson: boolean
}

const actions: Readonly<Record<string, (asked: Asked) => Promise<number>>> = {
  list,
  reasons,
  show,
  replay,
  discard,
}

/** Lists, shows, replays and discards events that the database refused. */
export async function deadLettersCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      kind: { type: 'string' },
      reason: { type: 'string' },
      'reason-is': { type: 'string' },
      before: { type: 'string' },
      all: { type: 'boolean', default: false },
      tenant: { type: 'string' },
      limit: { type: 'string', default: '50' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [name = '', id, ...more] = positionals
  const wholeReason = values['reason-is']
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined || more.length > 0) throw new CliError(exitCodes.usage, usage)
  return action({
    connection: readConnection(env),
    id,
    filter: given({
      kind: values.kind,
      reason: values.reason,
      reason_id: wholeReason === undefined ? undefined : hash('sha256', wholeReason),
      before: values.before,
    }),
    isAll: values.all,
    tenant: given({ tenant_id: values.tenant }),
    limit: values.limit,
    isJson: values.json,
  })
}

async function list({ connection, id, filter, tenant, isJson, ...asked }: Asked): Promise<number> {
  if (id !== undefined || 'before' in filter) throw new CliError(exitCodes.usage, usage)
  const limit = countOf(asked.limit, '--limit')
  const letters: Letter[] = []
  for (let cursor: Query | null = {}; cursor !== null && letters.length < limit; ) {
    const size = String(Math.min(pageSize, limit - letters.length))
    const query: Query = { ...filter, ...tenant, ...cursor, limit: size }
    const page: { dead_letters: Letter[]; next_cursor: string | null } = await ask(
      connection,
      'GET',
      path + search(query),
    )
    letters.push(...page.dead_letters)
    cursor = page.next_cursor === null ? null : { cursor: page.next_cursor }
  }
  if (isJson) return shown(JSON.stringify(letters, null, 2))
  if (letters.length === 0) return shown('There are no such dead letters.')
  return shown(
    tableText(
      ['id', 'received', 'kind', 'row', 'bytes', 'reason'],
      letters.map((each) => [
        each.id,
        timeText(each.received_at),
        each.kind,
        each.row_id,
        String(each.bytes),
        each.reason,
      ]),
    ),
  )
}

async function reasons({ connection, id, filter, tenant, isJson }: Asked): Promise<number> {
  if (id !== undefined || Object.keys(filter).length > 0) {
    throw new CliError(exitCodes.usage, usage)
  }
  const answer = await ask<{ reasons: { reason: string; count: number }[] }>(
    connection,
    'GET',
    `${path}/reasons${search(tenant)}`,
  )
  if (isJson) return shown(JSON.stringify(answer.reasons, null, 2))
  if (answer.reasons.length === 0) return shown('There are no dead letters.')
  return shown(answer.reasons.map(({ reason, count }) => `${count}  ${plain(reason)}`).join('\n'))
}

async function show({ connection, id, tenant }: Asked): Promise<number> {
  if (id === undefined) throw new CliError(exitCodes.usage, usage)
  const letter = await ask(connection, 'GET', pathOf(id) + search(tenant))
  return shown(JSON.stringify(letter, null, 2))
}

async function replay(asked: Asked): Promise<number> {
  const { connection, id, filter, tenant, isJson } = asked
  assertChosen(asked)
  const done: Replayed = { replayed: 0, applied: 0, refused: [] }
  const add = ({ replayed, applied, refused }: Replayed): void => {
    done.replayed += replayed
    done.applied += applied
    done.refused.push(...refused)
  }
  if (id !== undefined) {
    add(await ask(connection, 'POST', `${pathOf(id)}/replay${search(tenant)}`))
  } else {
    for (let [hasMore, rest] = [true, filter]; hasMore; ) {
      const part: Replayed & { has_more: boolean; before: string } = await ask(
        connection,
        'POST',
        `${path}/replay${search(tenant)}`,
        rest,
      )
      add(part)
      hasMore = part.has_more
      rest = { ...filter, before: part.before }
    }
  }
  const waiting = done.replayed - done.applied - done.refused.length
  console.log(
    isJson
      ? JSON.stringify(done, null, 2)
      : [
          `${done.replayed} replayed: ${done.applied} applied, ${done.refused.length} refused again, ${waiting} still in the queue`,
          ...done.refused.map((each) => `refused again: ${each}`),
        ].join('\n'),
  )
  return done.refused.length === 0 ? exitCodes.pass : exitCodes.fail
}

async function discard(asked: Asked): Promise<number> {
  const { connection, id, filter, tenant, isAll, isJson } = asked
  assertChosen(asked)
  const query = { ...filter, ...tenant, ...(isAll ? { all: 'true' } : {}) }
  const target = id === undefined ? path + search(query) : pathOf(id) + search(tenant)
  let total = 0
  for (let hasMore = true; hasMore; ) {
    const part = await ask<{ discarded: number; has_more?: boolean }>(connection, 'DELETE', target)
    total += part.discarded
    hasMore = part.has_more === true
  }
  return shown(isJson ? JSON.stringify({ discarded: total }, null, 2) : `${total} discarded`)
}

/** One by its id, those that a filter chooses, or all of them: never all because something was left out. */
function assertChosen({ id, filter, isAll }: Asked): void {
  const ways = [id !== undefined, Object.keys(filter).length > 0, isAll]
  if (ways.filter((each) => each).length === 1) return
  throw new CliError(exitCodes.usage, `Name an id, a filter, or --all.\n\n${usage}`)
}

function pathOf(id: string): string {
  return `${path}/${encodeURIComponent(id)}`
}

function search(query: Query): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}

function given(values: Record<string, string | undefined>): Query {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
