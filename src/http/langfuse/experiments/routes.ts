import type { App, Services } from '../../services.ts'
import { getExperimentItems } from './get-experiment-items.ts'
import { getExperiments } from './get-experiments.ts'

/** Experiments and their items. */
export function experimentsRoutes(app: App, services: Services): void {
  getExperimentItems(app, services)
  getExperiments(app, services)
}
