import type { App, Services } from '../../services.ts'
import { getMediaId } from './get-media-id.ts'
import { patchMediaId } from './patch-media-id.ts'
import { postMedia } from './post-media.ts'
import { putMediaIdContent } from './put-media-id-content.ts'

/** Media: announced, uploaded, and read. */
export function mediaRoutes(app: App, services: Services): void {
  postMedia(app, services)
  getMediaId(app, services)
  patchMediaId(app, services)
  putMediaIdContent(app, services)
}
