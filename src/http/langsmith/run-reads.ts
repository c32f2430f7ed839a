import type { App, HttpParts } from '../parts.ts'
import { postRunsQuery } from './post-runs-query.ts'

/** Everything that looks for runs, counts, shares or deletes them. */
export function runReads(app: App, parts: HttpParts): void {
  postRunsQuery(app, parts)
}
