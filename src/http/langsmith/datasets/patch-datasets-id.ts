import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { isUniqueViolation } from '../../../store/errors.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import {
  datasetUpdate,
  type DatasetPatch,
  type ExamplesCheck,
} from '../../../store/write/datasets.ts'
import { exampleWriteVersionsWithin } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { datasetAnswer } from './dataset-answer.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { assertExampleFits, assertJsonSchema } from '../examples/example-schemas.ts'
import {
  exampleUpdate,
  idsOf,
  planUpdates,
  type ExampleUpdate,
} from '../examples/example-writes.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { textOf } from '../object-text.ts'
import { datasetName, transformations } from './post-datasets.ts'
import { jsonObject, text, uuid } from '../schemas.ts'

/**
 * The vendor's marker for "leave as it is", which an absent key means too. Each field gets a schema of its own, because
 * the generated documentation shows a shared one only at its first use.
 */
const missing = () => z.object({ __missing__: z.literal('__missing__') }).transform(() => undefined)

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Change a dataset; null clears',
  params: z.object({ id: uuid }),
  body: z.object({
    name: z.union([datasetName, missing()]).nullish(),
    description: z.union([text, missing()]).nullish(),
    inputs_schema_definition: z.union([missing(), jsonObject]).nullish(),
    outputs_schema_definition: z.union([missing(), jsonObject]).nullish(),
    metadata: z.union([missing(), jsonObject]).nullish(),
    transformations: z.union([transformations, missing()]).nullish(),
    baseline_experiment_id: z.union([uuid, missing()]).nullish(),
    patch_examples: z.record(uuid, exampleUpdate).nullish(),
  }),
  response: { 200: datasetAnswer },
}

/** Answers the dataset without counts (contracts/langsmith.md 2.3.2). @throws 409 when the name is taken */
export function patchDatasetsId(app: App, { db, clock }: Services): void {
  app.patch('/datasets/:id', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const current = await datasetFind(db, tenantId, id)
    if (current === null) throw notFound('Dataset')
    const patch = patchOf(request.body, sliceMembers(request.bodyText))
    const schemas = {
      inputsSchema: patch.inputsSchema === undefined ? current.inputsSchema : patch.inputsSchema,
      outputsSchema:
        patch.outputsSchema === undefined ? current.outputsSchema : patch.outputsSchema,
    }
    const updates = examplesOf(sliceMembers(request.bodyText).get('patch_examples'))
    const now = clock.now()
    const write = { tenantId, datasetId: id, ids: idsOf(updates), now }
    const check: ExamplesCheck = (examples) => {
      for (const example of examples) {
        assertExampleFits(schemas, example, ['body', 'examples', example.id])
      }
    }
    try {
      // The examples are changed first and checked against the new schemas; then all examples must fit those.
      const updated = await datasetUpdate(
        db,
        tenantId,
        id,
        patch,
        now,
        check,
        async (transaction) => {
          if (updates.length === 0) return
          await exampleWriteVersionsWithin(transaction, write, planUpdates(id, updates, schemas))
        },
      )
      if (updated === null) throw notFound('Dataset')
      reply.header('X-Updated-Examples-Count', updates.length)
      return datasetFromRow(tenantId, updated)
    } catch (error) {
      if (isUniqueViolation(error)) {
        throw new LangsmithError(409, 'Dataset with this name already exists.')
      }
      throw error
    }
  })
}

type Body = z.output<typeof schema.body>

function patchOf(body: Body, members: ReadonlyMap<string, JsonText>): DatasetPatch {
  const json = (key: keyof Body): JsonText | null | undefined =>
    body[key] === undefined ? undefined : textOf(members.get(key))
  const metadata = json('metadata')
  const inputsSchema = json('inputs_schema_definition')
  const outputsSchema = json('outputs_schema_definition')
  const stored = json('transformations')
  assertJsonSchema(inputsSchema ?? null, 'inputs_schema_definition')
  assertJsonSchema(outputsSchema ?? null, 'outputs_schema_definition')
  return {
    // Every dataset has a name, so null cannot clear it.
    ...(body.name === undefined || body.name === null ? {} : { name: body.name }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.baseline_experiment_id === undefined
      ? {}
      : { baselineExperimentId: body.baseline_experiment_id }),
    ...(metadata === undefined ? {} : { metadata: metadata === null ? null : jsonbText(metadata) }),
    ...(inputsSchema === undefined ? {} : { inputsSchema }),
    ...(outputsSchema === undefined ? {} : { outputsSchema }),
    ...(stored === undefined ? {} : { transformations: stored }),
  }
}

function examplesOf(text: JsonText | undefined): ExampleUpdate[] {
  const members = sliceMembers(text ?? '{}')
  return [...members].map(([id, member]) => ({
    id: id.toLowerCase(),
    members: sliceMembers(member),
    loc: ['body', 'patch_examples', id],
  }))
}
