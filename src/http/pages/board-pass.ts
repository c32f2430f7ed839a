import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isSameSecret } from '../../domain/constant-time.ts'
import { apiKeyIsValid } from '../../store/read/api-keys.ts'
import { secretEnsure } from '../../store/write/secrets.ts'
import type { Services } from '../services.ts'

/** Where the view into the queues is. */
export const boardPath = '/app/queues'

const cookie = 'runmill-queues'
/** How long a pass is valid, in seconds, unless its key is revoked sooner. */
const passSeconds = 900

/**
 * Passes for the view into the queues. A browser cannot send a key with the address of a page, so it gets a pass for its
 * key: a cookie that no script reads, and no other site makes the browser send. Every process of an installation knows
 * the passes of the others.
 */
export interface BoardPasses {
  /** @returns the value of `Set-Cookie`, and how many seconds it is valid */
  issue(request: FastifyRequest): Promise<{ setCookie: string; seconds: number }>
  isHeldBy(request: FastifyRequest): Promise<boolean>
}

export function createBoardPasses({ db, clock }: Pick<Services, 'db' | 'clock'>): BoardPasses {
  let secret: Promise<Uint8Array> | null = null

  async function signatureOf(claim: string): Promise<string> {
    secret ??= secretEnsure(db, 'board-passes', clock.now()).catch((error: unknown) => {
      secret = null
      throw error
    })
    return createHmac('sha256', await secret)
      .update(claim)
      .digest('base64url')
  }

  const nowSeconds = (): number => Math.floor(Date.parse(clock.now()) / 1000)

  return {
    async issue(request) {
      const { tenantId, keyId } = request.principal
      const claim = `${tenantId}.${keyId}.${nowSeconds() + passSeconds}`
      const parts = [
        `${cookie}=${claim}.${await signatureOf(claim)}`,
        `Path=${boardPath}`,
        `Max-Age=${passSeconds}`,
        'HttpOnly',
        'SameSite=Strict',
        ...(request.protocol === 'https' ? ['Secure'] : []),
      ]
      return { setCookie: parts.join('; '), seconds: passSeconds }
    },
    async isHeldBy(request) {
      const pass = readCookie(request.headers.cookie ?? '')
      if (pass === null || pass.expiresAt <= nowSeconds()) return false
      if (!isSameSecret(await signatureOf(pass.claim), pass.signature)) return false
      return apiKeyIsValid(db, pass.tenantId, pass.keyId)
    },
  }
}

interface Pass {
  claim: string
  tenantId: string
  keyId: string
  expiresAt: number
  signature: string
}

function readCookie(header: string): Pass | null {
  const claim = '(?<tenantId>[\\w-]{36})\\.(?<keyId>[\\w-]{36})\\.(?<expiresAt>\\d{1,12})'
  const pattern = new RegExp(
    `(?:^|;\\s*)${cookie}=(?<claim>${claim})\\.(?<signature>[\\w-]+)(?:;|$)`,
  )
  const found = pattern.exec(header)?.groups
  if (found === undefined) return null
  const { expiresAt, ...texts } = found as Record<keyof Pass, string>
  return { ...texts, expiresAt: Number(expiresAt) }
}
