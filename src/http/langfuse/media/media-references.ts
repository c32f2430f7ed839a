import type { FastifyRequest } from 'fastify'
import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import type { Example } from '../../../store/read/datasets/examples.ts'
import { mediaListAmong } from '../../../store/read/media.ts'
import type { Services } from '../../services.ts'
import { storedMedia } from './media.ts'

/** A reference in an item, and what it refers to (contracts/langfuse.md 2.5, 2.15). */
export interface MediaReference {
  field: 'input' | 'expectedOutput' | 'metadata'
  referenceString: string
  /** Of the string that holds the reference: `$['image'][0]`. */
  jsonPath: string
  media: ReturnType<typeof storedMedia>
}

/** An example with the stored contents that it refers to. */
export interface ItemRow extends Example {
  mediaReferences: MediaReference[]
}

const reference = /@@@langfuseMedia:([^@]*)@@@/g

/** The one reference that this is. */
interface Found {
  referenceString: string
  mediaId: string
}

/** References of the form `@@@langfuseMedia:type=<mime>|id=<id>|source=<source>@@@`; without an id they are none. */
function referencesIn(text: string): Found[] {
  return [...text.matchAll(reference)].flatMap(([referenceString, members]) => {
    const id = members!.split('|').find((member) => member.startsWith('id='))
    return id === undefined || id === 'id='
      ? []
      : [{ referenceString, mediaId: storableText(id.slice(3)) }]
  })
}

/** Ids of the media that payloads refer to, each once. */
export function mediaIdsOf(payloads: readonly (JsonText | null | undefined)[]): string[] {
  return [
    ...new Set(payloads.flatMap((payload) => placesIn(payload).map(({ mediaId }) => mediaId))),
  ]
}

/** References in any string of a payload, with the path of the string. */
function placesIn(payload: JsonText | null | undefined): (Found & { jsonPath: string })[] {
  // Most payloads have none: they are not parsed.
  if (!payload?.includes('@@@langfuseMedia:')) return []
  const found: (Found & { jsonPath: string })[] = []
  // No recursion is needed to be deep: bodies of more than 512 levels are refused.
  const visit = (value: unknown, jsonPath: string): void => {
    if (typeof value === 'string') {
      found.push(...referencesIn(value).map((one) => ({ ...one, jsonPath })))
    } else if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) visit(element, `${jsonPath}[${index}]`)
    } else if (value !== null && typeof value === 'object') {
      for (const [key, member] of Object.entries(value)) {
        visit(member, `${jsonPath}['${key.replace(/[\\']/g, '\\$&')}']`)
      }
    }
  }
  visit(JSON.parse(payload), '$')
  return found
}

/** Finds what items refer to. References to what is not stored, or not known, are left out. */
export async function withMedia(
  services: Services,
  request: FastifyRequest,
  rows: Example[],
): Promise<ItemRow[]> {
  const places = rows.map((row) => [
    ...placesIn(row.inputs).map((place) => ({ ...place, field: 'input' as const })),
    ...placesIn(row.outputs).map((place) => ({ ...place, field: 'expectedOutput' as const })),
    ...placesIn(row.metadata).map((place) => ({ ...place, field: 'metadata' as const })),
  ])
  const ids = [...new Set(places.flat().map(({ mediaId }) => mediaId))]
  const known = await mediaListAmong(services.db, request.principal.tenantId, ids)
  return rows.map((row, index) => ({
    ...row,
    mediaReferences: places[index]!.flatMap(({ field, referenceString, jsonPath, mediaId }) => {
      const media = known.get(mediaId)
      if (media === undefined || !media.isStored) return []
      return [{ field, referenceString, jsonPath, media: storedMedia(services, request, media) }]
    }),
  }))
}
