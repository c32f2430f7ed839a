import type { App, HttpParts } from '../parts.ts'
import { deleteDatasetsComparativeId } from './delete-datasets-comparative-id.ts'
import { getDatasetsIdComparative } from './get-datasets-id-comparative.ts'
import { postDatasetsComparative } from './post-datasets-comparative.ts'
import { postDatasetsIdGroupRuns } from './post-datasets-id-group-runs.ts'
import { postDatasetsIdRunsDelta } from './post-datasets-id-runs-delta.ts'

/** What stands around experiments: comparisons, configs of feedback and links that take it. */
export function evaluation(app: App, parts: HttpParts): void {
  postDatasetsComparative(app, parts)
  getDatasetsIdComparative(app, parts)
  deleteDatasetsComparativeId(app, parts)
  postDatasetsIdGroupRuns(app, parts)
  postDatasetsIdRunsDelta(app, parts)
}
