import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { mediaListAmong } from '../../../store/read/media.ts'
import type { Services } from '../../services.ts'
import { storedMedia, storedMediaAnswer } from './media.ts'

/** A reference to media in an item, and the media (contracts/langfuse.md 2.5, 2.15). */
export const mediaReference = z.object({
  field: z.enum(['input', 'expectedOutput', 'metadata']),
  referenceString: z.string(),
  /** The path to the string that holds the reference, such as `$['image'][0]`. */
  jsonPath: z.string(),
  media: storedMediaAnswer,
})

/** An example with the media that it refers to. */
export interface ItemRow extends Example {
  mediaReferences: z.output<typeof mediaReference>[]
}

const reference = /@@@langfuseMedia:([^@]*)@@@/g

/** A reference in a text. */
interface Found {
  referenceString: string
  mediaId: string
}

/** Finds `@@@langfuseMedia:type=<mime>|id=<id>|source=<source>@@@`. A reference without an id is ignored. */
function referencesIn(text: string): Found[] {
  return [...text.matchAll(reference)].flatMap(([referenceString, members]) => {
    const id = members!.split('|').find((member) => member.startsWith('id='))
    return id === undefined || id === 'id='
      ? []
      : [{ referenceString, mediaId: storableText(id.slice(3)) }]
  })
}

/** The ids of the media that payloads refer to, without repetitions. */
export function mediaIdsOf(payloads: readonly (JsonText | null | undefined)[]): string[] {
  return [
    ...new Set(payloads.flatMap((payload) => placesIn(payload).map(({ mediaId }) => mediaId))),
  ]
}

/** All references in the strings of a payload, with the paths to those strings. */
function placesIn(payload: JsonText | null | undefined): (Found & { jsonPath: string })[] {
  // Most payloads have no references, and need not be parsed.
  if (!payload?.includes('@@@langfuseMedia:')) return []
  const found: (Found & { jsonPath: string })[] = []
  // The recursion is bounded, because bodies with more than 512 levels are refused.
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

/** Adds the media that items refer to. References to media that are unknown or not uploaded are left out. */
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
