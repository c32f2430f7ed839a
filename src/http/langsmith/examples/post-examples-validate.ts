import type { App, Services } from '../../services.ts'
import { exampleDraft, validateExample } from './validate-example.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: "Check an example against its dataset's schemas; nothing is stored",
  body: exampleDraft,
}

export function postExamplesValidate(app: App, { db }: Services): void {
  const options = { schema, config: { scope: 'read' as const } }
  app.post('/examples/validate', options, async (request) =>
    validateExample(db, request.principal.tenantId, request.body, request.bodyText, ['body']),
  )
}
