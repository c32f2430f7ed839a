import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isSameSecret } from '../../domain/constant-time.ts'
import { secretEnsure } from '../../store/write/secrets.ts'
import type { Services } from '../services.ts'

/** Where the view into the queues is. */
export const boardPath = '/app/queues'

const cookie = 'runmill-queues'
/** How long a pass is valid, in seconds. Revoking the key does not end it sooner. */
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

  async function signatureOf(expiresAt: string): Promise<string> {
    secret ??= secretEnsure(db, 'board-passes', clock.now()).catch((error: unknown) => {
      secret = null
      throw error
    })
    return createHmac('sha256', await secret)
      .update(expiresAt)
      .digest('base64url')
  }

  const nowSeconds = (): number => Math.floor(Date.parse(clock.now()) / 1000)

  return {
    async issue(request) {
      const expiresAt = String(nowSeconds() + passSeconds)
      const parts = [
        `${cookie}=${expiresAt}.${await signatureOf(expiresAt)}`,
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
      if (pass === null || Number(pass.expiresAt) <= nowSeconds()) return false
      return isSameSecret(await signatureOf(pass.expiresAt), pass.signature)
    },
  }
}

function readCookie(header: string): { expiresAt: string; signature: string } | null {
  const match = new RegExp(`(?:^|;\\s*)${cookie}=(\\d{1,12})\\.([\\w-]+)(?:;|$)`).exec(header)
  return match === null ? null : { expiresAt: match[1]!, signature: match[2]! }
}
