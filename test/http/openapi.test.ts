import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  documentedOperations,
  hasDocumentedSuccess,
  type Operation,
} from '../support/documented-answers.ts'
import { harness, type Harness } from '../support/harness.ts'
import { requestArbitrary } from '../support/arbitrary/request-arbitrary.ts'
import { seedTenant } from '../support/seeded-tenant.ts'

/*
 * What the OpenAPI document promises. The harness compares every answer of every test with it
 * (test/support/documented-answers.ts).
 */

describe('the document', () => {
  test.each(['Langfuse', 'LangSmith'])(
    'says how every operation of %s succeeds',
    async (dialect) => {
      const h = await harness()
      const operations = await documentedOperations(h.app)
      const silent = operations
        .filter(({ path }) => isOfLangsmith(path) === (dialect === 'LangSmith'))
        .filter((operation) => !hasDocumentedSuccess(operation))
      expect(silent.map(({ method, path }) => `${method.toUpperCase()} ${path}`)).toEqual([])
    },
  )
})

/** How many requests each operation gets. A seed that is printed with a failure tries the same requests again. */
const requests = Number(process.env['RUNMILL_FUZZ_REQUESTS'] ?? 6)
const seed = Number(process.env['RUNMILL_FUZZ_SEED'] ?? Date.now() % 2 ** 31)

describe('any request', () => {
  test('is answered as documented, and never with a fault of the server', async () => {
    const h = await harness({ isOwn: true })
    const known = await knownTexts(h)
    const problems: string[] = []
    // Deletes come last, so that the others find something.
    const operations = (await documentedOperations(h.app)).toSorted(
      (a, b) => Number(a.method === 'delete') - Number(b.method === 'delete'),
    )
    for (const operation of operations) {
      const problem = await tryOperation(h, operation, known)
      if (problem !== null) problems.push(problem)
    }
    await h.drain()
    expect(problems).toEqual([])
    expect(h.errors).toEqual([])
  }, 900_000)
})

/** Everything of a tenant that requests can name. */
async function knownTexts(h: Harness): Promise<string[]> {
  const {
    tenant: _,
    blobLink: _link,
    uploadBytes: _bytes,
    versions,
    ...seeded
  } = await seedTenant(h, h.tenant, 'fuzz')
  return [...versions, ...Object.values(seeded)]
}

async function tryOperation(
  h: Harness,
  operation: Operation,
  known: string[],
): Promise<string | null> {
  const { method, path } = operation
  const property = fc.asyncProperty(requestArbitrary(operation, known), async (request) => {
    const key = path.startsWith('/api/public')
      ? { authorization: h.tenant.basic }
      : { 'x-api-key': h.tenant.secretKey }
    // The harness compares the answer with the document.
    const answer = await h.app.inject({
      method: method.toUpperCase() as 'GET',
      url: request.url,
      headers: { ...key, ...request.headers },
      ...(request.payload === undefined ? {} : { payload: request.payload }),
    })
    const isRefusal = path === '/readyz' && answer.statusCode === 503
    if (answer.statusCode >= 500 && !isRefusal) {
      throw new Error(`${answer.statusCode} ${answer.body}`)
    }
  })
  const result = await fc.check(property, { numRuns: requests, seed, endOnFailure: true })
  if (!result.failed) return null
  const [request] = result.counterexample ?? []
  return [
    `${method.toUpperCase()} ${path}, RUNMILL_FUZZ_SEED=${seed}`,
    JSON.stringify(request)?.slice(0, 3000),
    String(result.errorInstance).slice(0, 3000),
  ].join('\n')
}

function isOfLangsmith(path: string): boolean {
  return !/^\/(?:api\/|livez|readyz|metrics|v1\/traces)/.test(path)
}
