import type { App, Services } from '../../services.ts'
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
export function scoresRoutes(app: App, services: Services): void {
  postScoreConfigs(app, services)
  getScoreConfigs(app, services)
  getScoreConfigsId(app, services)
  patchScoreConfigsId(app, services)
  postScores(app, services)
  getScores(app, services)
  getScoresId(app, services)
  deleteScoresId(app, services)
  getV2Scores(app, services)
  getV2ScoresId(app, services)
  getV3Scores(app, services)
}
