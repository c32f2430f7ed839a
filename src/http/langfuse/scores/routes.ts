import type { App, Services } from '../../services.ts'
import { getScores } from './get-scores.ts'
import { getV3Scores } from './get-v3-scores.ts'
import { postScores } from './post-scores.ts'
import { scoreConfigsRoutes } from './score-configs.ts'
import { scoresIdRoutes } from './scores-id.ts'

/** Scores of all API versions, and the configurations that check them. */
export function scoresRoutes(app: App, services: Services): void {
  scoreConfigsRoutes(app, services)
  postScores(app, services)
  getScores(app, services)
  getV3Scores(app, services)
  scoresIdRoutes(app, services)
}
