import type { App, HttpParts } from '../parts.ts'
import { postV2DatasetsIdExperimentRuns } from './post-v2-datasets-id-experiment-runs.ts'

/** Everything that looks for runs, counts, shares or deletes them. */
export function runReads(app: App, parts: HttpParts): void {
  postV2DatasetsIdExperimentRuns(app, parts)
}
