import type { App, HttpParts } from '../../parts.ts'
import { deleteScoresId } from './delete-scores-id.ts'
import { getScoreConfigsId } from './get-score-configs-id.ts'
import { getScoreConfigs } from './get-score-configs.ts'
import { getScoresId } from './get-scores-id.ts'
import { getScores } from './get-scores.ts'
import { getV2ScoresId } from './get-v2-scores-id.ts'
import { getV2Scores } from './get-v2-scores.ts'
import { getV3Scores } from './get-v3-scores.ts'
import { patchScoreConfigsId } from './patch-score-configs-id.ts'
import { postScoreConfigs } from './post-score-configs.ts'
import { postScores } from './post-scores.ts'

/** Scores of all API versions, and the configurations that check them. */
export function scoresRoutes(app: App, parts: HttpParts): void {
  deleteScoresId(app, parts)
  getScoreConfigsId(app, parts)
  getScoreConfigs(app, parts)
  getScoresId(app, parts)
  getScores(app, parts)
  getV2ScoresId(app, parts)
  getV2Scores(app, parts)
  getV3Scores(app, parts)
  patchScoreConfigsId(app, parts)
  postScoreConfigs(app, parts)
  postScores(app, parts)
}
