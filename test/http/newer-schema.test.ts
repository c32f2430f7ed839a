import { expect, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'
import { routeRequests } from '../support/route-requests.ts'
import { seedTenant } from '../support/seeded-tenant.ts'
import { keyOf, requestsOf, send } from './sent-routes.ts'

/*
 * A version may run beside the next one, whose migrations have added columns: statements that a connection has prepared
 * must go on, and neither a request nor an event may be refused.
 */

/** Sends each route the request of a tenant of its own. @returns the routes that did not answer with 2xx */
async function sendAll(h: Harness, mark: string): Promise<string[]> {
  const theirs = await seedTenant(h, await h.addTenant(), mark)
  const problems: string[] = []
  for (const route of Object.keys(routeRequests)) {
    for (const request of requestsOf(route, theirs, theirs)) {
      const answer = await send(h, route, request, theirs, keyOf(route, theirs.tenant))
      if (answer.status >= 300) problems.push(`${route}: ${answer.status} ${answer.text}`)
    }
  }
  return problems
}

test('every route works on, over a migration of the next version that adds columns, and one that removes them', async () => {
  const h = await harness({ isOwn: true })
  const tables = await h.db<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`
  const alter = async (change: string) =>
    h.db.unsafe(tables.map(({ name }) => `alter table ${name} ${change};`).join(''))

  expect(await sendAll(h, 'zqalpha')).toEqual([])
  process.stderr.write('first done\n')
  const timer = setInterval(() => void h.db`select pid, state, wait_event_type, wait_event, pg_blocking_pids(pid)::text as b, left(query, 100) as q from pg_stat_activity where datname = current_database()`.then((r) => process.stderr.write(JSON.stringify(r) + '\n'), (e) => process.stderr.write(String(e) + '\n')), 4000)
  await alter('add column of_the_next_version integer')
  expect(await sendAll(h, 'zqbravo')).toEqual([])
  await alter('drop column of_the_next_version')
  expect(await sendAll(h, 'zqcharlie')).toEqual([])
  expect(await h.db`select reason from dead_letters where reason like '%cached plan%'`).toEqual([])
  expect(h.errors).toEqual([])
})
