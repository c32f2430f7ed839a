import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { importCommand } from '../../../src/cli/import-command.ts'
import { connect, run } from '../../support/command-line.ts'
import type { Harness } from '../../support/harness.ts'
import { insertKey, type TestTenant } from '../../support/tenant.ts'

/** Two tenants of one server: what one has is imported into the other. */
export interface Import {
  h: Harness
  from: TestTenant
  to: TestTenant
  /** The address of both. */
  url: string
  state: string
  /** Runs the command, which reads by way of `fromUrl`. */
  importAll(dialect: string, args?: string[], fromUrl?: string): Promise<Result>
  /** What a request answers to both, without what has to differ. */
  answers(method: 'GET' | 'POST', path: string, body?: object): Promise<[unknown, unknown]>
}

interface Result {
  code: number
  printed: string
}

export async function prepareImport(h: Harness): Promise<Import> {
  const from = h.tenant
  const to = await h.addTenant()
  const adminKey = await insertKey(h.db, to.id, ['read', 'write', 'admin'])
  const url = await connect(h, adminKey)
  const state = join(await mkdtemp(join(inject('scratchFolder'), 'import-')), 'state.json')
  return {
    h,
    from,
    to,
    url,
    state,
    async importAll(dialect, args = [], fromUrl = url) {
      const key = dialect === 'langsmith' ? from.secretKey : `${from.publicKey}:${from.secretKey}`
      const given = ['--from-url', fromUrl, '--from-key', key, '--state', state]
      return run(importCommand, [dialect, ...given, ...args])
    },
    async answers(method, path, body) {
      const texts = []
      for (const tenant of [from, to]) {
        const answer = await h.callAs(tenant, method, path, body)
        expect(answer.status, `${method} ${path} ${answer.text}`).toBe(200)
        texts.push(withoutTenant(answer.text, tenant))
      }
      return [texts[0], texts[1]]
    },
  }
}

/** A tenant has an id of its own, and its own signed links to files. */
function withoutTenant(text: string, tenant: TestTenant): string {
  return text
    .replaceAll(tenant.id, 'TENANT')
    .replaceAll(/"(presigned_url|s3_url|url)":"http[^"]*\?[^"]*"/g, '"$1":"LINK"')
}
