import { describe, expect, test } from 'vitest'
import { documentedOperations, hasDocumentedSuccess } from '../support/documented-answers.ts'
import { harness } from '../support/harness.ts'

/*
 * What the OpenAPI document promises. The harness compares every answer of every test with it
 * (test/support/documented-answers.ts).
 */

describe('the document', () => {
  test.each(['Langfuse', 'LangSmith'])(
    'says how every operation of %s succeeds',
    async (dialect) => {
      const h = await harness()
      const silent = documentedOperations(h.app)
        .filter(({ path }) => isOfLangsmith(path) === (dialect === 'LangSmith'))
        .filter((operation) => !hasDocumentedSuccess(operation))
      expect(silent.map(({ method, path }) => `${method.toUpperCase()} ${path}`)).toEqual([])
    },
  )
})

function isOfLangsmith(path: string): boolean {
  return !/^\/(?:api\/|livez|readyz|metrics|v1\/traces)/.test(path)
}
