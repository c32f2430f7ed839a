import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isAllowed } from '../auth.ts'
import { RunmillError } from './errors.ts'

/** The parameter by which a key with the scope `admin` works for another tenant than its own. */
export const tenantParameter = {
  tenant_id: z
    .guid()
    .toLowerCase()
    .optional()
    .describe('Of a key with the scope `admin` alone: the tenant, if it is not its own'),
}

/** @throws RunmillError 403 when the key may not work for that tenant */
export function tenantOf(request: FastifyRequest, asked: string | undefined): string {
  const { principal } = request
  if (asked === undefined || asked === principal.tenantId) return principal.tenantId
  if (!isAllowed(principal, 'admin')) throw new RunmillError(403, 'Forbidden')
  return asked
}
