import type { App } from '../../services.ts'
import { getInfoHealth } from './get-info-health.ts'
import { getInfo } from './get-info.ts'

/** What the server says about itself before an SDK sends anything. */
export function infoRoutes(app: App): void {
  getInfo(app)
  getInfoHealth(app)
}
