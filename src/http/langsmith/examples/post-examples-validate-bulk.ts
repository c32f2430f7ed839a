import { z } from 'zod'
import { sliceElements } from '../../../domain/json.ts'
import type { App, Services } from '../../services.ts'
import { exampleDraft, validateExample } from './validate-example.ts'

/** Each is looked up in its own dataset. */
const maxDrafts = 1000

const schema = {
  tags: ['langsmith examples'],
  summary: "Check examples against their datasets' schemas; nothing is stored",
  body: z.array(exampleDraft).max(maxDrafts),
}

/** The first that is wrong is named. */
export function postExamplesValidateBulk(app: App, { db }: Services): void {
  const options = { schema, config: { scope: 'read' as const } }
  app.post('/examples/validate/bulk', options, async (request) => {
    const { tenantId } = request.principal
    const texts = sliceElements(request.bodyText)
    const results: Record<string, unknown>[] = []
    for (const [i, draft] of request.body.entries()) {
      results.push(await validateExample(db, tenantId, draft, texts[i]!, ['body', i]))
    }
    return results
  })
}
