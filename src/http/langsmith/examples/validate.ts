import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { Queryable } from '../../../store/pool.ts'
import { exampleFind } from '../../../store/read/datasets/example.ts'
import { objectAnswer, raw, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { invalid, notFound } from '../errors.ts'
import { textOf } from '../object-text.ts'
import { uuid } from '../schemas.ts'
import { findDataset } from './as-of.ts'
import { assertExampleFits } from './example-schemas.ts'
import { exampleCreate, newVersion, nextVersion } from './example-writes.ts'

/** A create when it names a dataset; an update of an example when it has only an `id`. */
const exampleDraft = exampleCreate.extend({
  dataset_id: uuid.nullish(),
  overwrite: z.boolean().nullish(),
})

/** ExampleValidationResult: what was sent. */
const validAnswer = z.object({
  id: uuidAnswer.nullable(),
  dataset_id: uuidAnswer.nullable(),
  inputs: objectAnswer.nullable(),
  outputs: objectAnswer.nullable(),
  metadata: objectAnswer.nullable(),
  split: raw(z.union([z.string(), z.array(z.string())])),
  created_at: timeAnswer.nullable(),
  source_run_id: uuidAnswer.nullable(),
  use_source_run_io: z.boolean(),
  overwrite: z.boolean(),
})

type ValidAnswer = z.output<typeof validAnswer>

/** Every draft of a request may belong to another dataset, which is looked up for it. */
const maxDrafts = 1000

const tags = ['langsmith examples']

const oneSchema = {
  tags,
  summary: "Check an example against its dataset's schemas; nothing is stored",
  body: exampleDraft,
  response: { 200: validAnswer },
}

const manySchema = {
  tags,
  summary: "Check examples against their datasets' schemas; nothing is stored",
  body: z.array(exampleDraft).max(maxDrafts),
  response: { 200: z.array(validAnswer) },
}

/** Checks of drafts before they are written (contracts/langsmith.md 2.4.2). An error names the first bad draft. */
export function validateRoutes(app: App, { db }: Services): void {
  const config = { scope: 'read' as const }

  app.post('/examples/validate', { schema: oneSchema, config }, async (request) =>
    validateExample(db, request.principal.tenantId, request.body, request.bodyText, ['body']),
  )

  app.post('/examples/validate/bulk', { schema: manySchema, config }, async (request) => {
    const { tenantId } = request.principal
    const texts = sliceElements(request.bodyText)
    const results: ValidAnswer[] = []
    for (const [i, draft] of request.body.entries()) {
      results.push(await validateExample(db, tenantId, draft, texts[i]!, ['body', i]))
    }
    return results
  })
}

/**
 * Checks an example as a write would, but writes nothing.
 * @param text the JSON of the draft
 * @throws LangsmithError 404 when its dataset or example does not exist, 422 when it breaks the dataset's schemas
 */
async function validateExample(
  db: Queryable,
  tenantId: string,
  draft: z.output<typeof exampleDraft>,
  text: JsonText,
  loc: (string | number)[],
): Promise<ValidAnswer> {
  const members = sliceMembers(text)
  if (draft.dataset_id != null) {
    const dataset = await findDataset(db, tenantId, draft.dataset_id)
    assertExampleFits(dataset, newVersion({ members, loc }), loc)
  } else if (draft.id != null) {
    const current = await exampleFind(db, tenantId, draft.id, null)
    if (current === null || current.archived) throw notFound('Example')
    const dataset = await findDataset(db, tenantId, current.datasetId)
    assertExampleFits(dataset, nextVersion(current, { id: draft.id, members, loc }), loc)
  } else {
    throw invalid([...loc, 'dataset_id'], 'Field required', 'missing')
  }
  const raw = (name: string): RawJson | null => {
    const value = textOf(members.get(name))
    return value === null ? null : new RawJson(value)
  }
  return {
    id: draft.id ?? null,
    dataset_id: draft.dataset_id ?? null,
    inputs: raw('inputs'),
    outputs: raw('outputs'),
    metadata: raw('metadata'),
    split: raw('split') ?? 'base',
    created_at: draft.created_at ?? null,
    source_run_id: draft.source_run_id ?? null,
    use_source_run_io: draft.use_source_run_io ?? false,
    overwrite: draft.overwrite ?? false,
  }
}
