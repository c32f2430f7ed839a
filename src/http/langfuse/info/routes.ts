import type { App } from '../../services.ts'
import { getHealth } from './get-health.ts'
import { getProjects } from './get-projects.ts'

/** What the server says about itself and the key that asks. */
export function infoRoutes(app: App): void {
  getHealth(app)
  getProjects(app)
}
