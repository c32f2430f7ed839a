import type { App, HttpParts } from '../../parts.ts'
import { getMediaId } from './get-media-id.ts'
import { patchMediaId } from './patch-media-id.ts'
import { postMedia } from './post-media.ts'
import { putMediaIdContent } from './put-media-id-content.ts'

/** Media: announced, uploaded, and read. */
export function mediaRoutes(app: App, parts: HttpParts): void {
  getMediaId(app, parts)
  patchMediaId(app, parts)
  postMedia(app, parts)
  putMediaIdContent(app, parts)
}
