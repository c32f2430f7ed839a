import { expect, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'
import { routeRequests } from '../support/route-requests.ts'
import { seedTenant, type SeededTenant } from '../support/seeded-tenant.ts'
import { keysOf, requestsOf, send } from './sent-routes.ts'

/*
 * A version may run beside the next one, whose migrations have added columns: statements that a connection has prepared
 * must go on, and neither a request nor an event may be refused.
 */

/** Sends each route the request of a tenant. @returns the routes that did not answer with 2xx */
async function sendAll(h: Harness, theirs: SeededTenant): Promise<string[]> {
  const keys = await keysOf(h, theirs)
  const problems: string[] = []
  for (const route of Object.keys(routeRequests)) {
    for (const request of requestsOf(route, theirs, theirs)) {
      const answer = await send(h, route, request, theirs, keys(route, request))
      if (answer.status >= 300) problems.push(`${route}: ${answer.status} ${answer.text}`)
    }
  }
  return problems
}

test('every route works on, over a migration of the next version that adds columns', async () => {
  const h = await harness({ isOwn: true })
  const tables = await h.db<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'
      -- Workers write whole rows of it, so a migration that adds a column to it is breaking (CONTRIBUTING.md).
      and table_name <> 'trace_aggregates'`
  const tenants: SeededTenant[] = []
  for (const mark of ['zqalpha', 'zqbravo']) {
    tenants.push(await seedTenant(h, await h.addTenant(), mark))
  }
  const [first, second] = tenants as [SeededTenant, SeededTenant]

  expect(await sendAll(h, first)).toEqual([])
  for (const { name } of tables) {
    await h.db.unsafe(`alter table ${name} add column of_the_next_version integer`)
  }
  expect(await sendAll(h, second)).toEqual([])
  expect(h.errors).toEqual([])
})
