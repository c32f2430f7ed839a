import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { RawJson, sliceMembers } from '../../../domain/json.ts'
import type { Queryable } from '../../../store/pool.ts'
import { exampleFind } from '../../../store/read/datasets/examples.ts'
import { findDataset } from './as-of.ts'
import { invalid, notFound } from '../errors.ts'
import { assertExampleFits } from './example-schemas.ts'
import { exampleCreate, newVersion, nextVersion } from './example-writes.ts'
import { textOf } from '../object-text.ts'
import { uuid } from '../schemas.ts'

/** A create, or with `id` alone an update of that example. */
export const exampleDraft = exampleCreate.extend({
  dataset_id: uuid.nullish(),
  overwrite: z.boolean().nullish(),
})

/**
 * Checks an example as if it were written; nothing is.
 * @param text the JSON of the draft
 * @returns ExampleValidationResult: what was sent
 * @throws LangsmithError 404 without its dataset or example, 422 for what breaks the schemas
 */
export async function validateExample(
  db: Queryable,
  tenantId: string,
  draft: z.output<typeof exampleDraft>,
  text: JsonText,
  loc: (string | number)[],
): Promise<Record<string, unknown>> {
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
