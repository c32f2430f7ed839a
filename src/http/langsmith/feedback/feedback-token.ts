import { createHash, createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { FeedbackToken } from '../../../store/read/feedback/feedback-tokens.ts'
import { secretEnsure } from '../../../store/write/secrets.ts'
import { timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { baseUrl } from '../../blobs.ts'
import type { Services } from '../../services.ts'

/** Derives the token of a link from its id. Only hashes of tokens are stored, yet links can be listed again. */
export type TokenMaker = (tenantId: string, id: string) => string

/**
 * Tokens are UUIDs, because Python's client accepts nothing else; 122 of their bits are secret.
 * @returns a function that answers the maker; only its first call asks the database, for the installation's secret
 */
export function feedbackTokenMaker({
  db,
  clock,
}: Pick<Services, 'db' | 'clock'>): () => Promise<TokenMaker> {
  let secret: Uint8Array | null = null
  return async () => {
    const key = (secret ??= await secretEnsure(db, 'feedback-tokens', clock.now()))
    return (tenantId, id) => {
      const mac = createHmac('sha256', key).update(`runmill feedback token 1:${tenantId}:${id}`)
      return uuidOf(mac.digest())
    }
  }
}

/** SHA-256 in hex. A token is random enough to need neither salt nor a slow hash. */
export function feedbackTokenHash(token: string): string {
  return createHash('sha256').update(token.toLowerCase()).digest('hex')
}

/** FeedbackIngestTokenSchema: its URL is absolute and ends in the token (contracts/langsmith.md 2.7.1). */
export const feedbackTokenAnswer = z.object({
  id: uuidAnswer,
  url: z.string(),
  expires_at: timeAnswer,
  feedback_key: z.string(),
})

export function feedbackTokenFromRow(
  services: Pick<Services, 'publicUrl'>,
  request: FastifyRequest,
  makeToken: TokenMaker,
  { id, key, expiresAt }: FeedbackToken,
): z.output<typeof feedbackTokenAnswer> {
  const token = makeToken(request.principal.tenantId, id)
  return {
    id,
    url: `${baseUrl(services, request)}/api/v1/feedback/tokens/${token}`,
    expires_at: expiresAt,
    feedback_key: key,
  }
}

/** A UUIDv8 (RFC 9562) made of the first 16 bytes. */
function uuidOf(bytes: Buffer): string {
  const own = Buffer.from(bytes.subarray(0, 16))
  own[6] = (own[6]! & 0x0f) | 0x80
  own[8] = (own[8]! & 0x3f) | 0x80
  return own.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
