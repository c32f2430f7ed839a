import type { App, HttpParts } from '../parts.ts'
import { deleteDatasetsComparativeId } from './delete-datasets-comparative-id.ts'
import { deleteFeedbackConfigs } from './delete-feedback-configs.ts'
import { getDatasetsIdComparative } from './get-datasets-id-comparative.ts'
import { feedbackTokenMaker } from './feedback-token.ts'
import { getFeedbackConfigs } from './get-feedback-configs.ts'
import { getFeedbackTokensToken } from './get-feedback-tokens-token.ts'
import { getFeedbackTokens } from './get-feedback-tokens.ts'
import { getSessionsIdMetadata } from './get-sessions-id-metadata.ts'
import { patchFeedbackConfigs } from './patch-feedback-configs.ts'
import { postDatasetsComparative } from './post-datasets-comparative.ts'
import { postDatasetsIdGroupRuns } from './post-datasets-id-group-runs.ts'
import { postDatasetsIdRunsDelta } from './post-datasets-id-runs-delta.ts'
import { postDatasetsUploadExperiment } from './post-datasets-upload-experiment.ts'
import { postFeedbackConfigs } from './post-feedback-configs.ts'
import { postFeedbackTokensToken } from './post-feedback-tokens-token.ts'
import { postFeedbackTokens } from './post-feedback-tokens.ts'

/** What stands around experiments: comparisons, configs of feedback and links that take it. */
export function evaluation(app: App, parts: HttpParts): void {
  postDatasetsComparative(app, parts)
  getDatasetsIdComparative(app, parts)
  deleteDatasetsComparativeId(app, parts)
  postDatasetsIdGroupRuns(app, parts)
  postDatasetsIdRunsDelta(app, parts)
  postDatasetsUploadExperiment(app, parts)
  getSessionsIdMetadata(app, parts)
  postFeedbackConfigs(app, parts)
  getFeedbackConfigs(app, parts)
  patchFeedbackConfigs(app, parts)
  deleteFeedbackConfigs(app, parts)
  const getMaker = feedbackTokenMaker(parts)
  postFeedbackTokens(app, parts, getMaker)
  getFeedbackTokens(app, parts, getMaker)
  postFeedbackTokensToken(app, parts)
  getFeedbackTokensToken(app, parts)
}
