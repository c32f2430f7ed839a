import sql from 'sql-template-tag'
import { tenant } from '../../statements.ts'
import type { SharedColumn } from '../filter/filter-sql.ts'

/* Runs by a value that an index has, on alias `found`. */

export const runsByName = {
  id: sql`found.id`,
  rows: sql`runs as found where found.tenant_id = ${tenant} and found.name is not null`,
  column: { sql: sql`found.name`, isIndexed: true },
  operators: ['eq'],
} as const satisfies SharedColumn['found']

export const runsByTag = {
  id: sql`found.id`,
  rows: sql`runs as found where found.tenant_id = ${tenant} and found.tags is not null`,
  column: { sql: sql`found.tags` },
  operators: ['has', 'in'],
} as const satisfies SharedColumn['found']
