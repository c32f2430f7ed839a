import type { App, HttpParts } from '../../parts.ts'
import { getExperimentItems } from './get-experiment-items.ts'
import { getExperiments } from './get-experiments.ts'

/** Experiments and their items. */
export function experimentsRoutes(app: App, parts: HttpParts): void {
  getExperimentItems(app, parts)
  getExperiments(app, parts)
}
