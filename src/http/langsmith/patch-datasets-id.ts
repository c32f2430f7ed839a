import { z } from 'zod'
import type { JsonText } from '../../domain/entities.ts'
import { jsonbText, sliceMembers } from '../../domain/json.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { datasetFind, datasetFindByName } from '../../store/read/datasets.ts'
import { datasetUpdate, type DatasetPatch } from '../../store/write/datasets.ts'
import type { App, HttpParts } from '../parts.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { assertExampleFits, assertJsonSchema } from './example-schemas.ts'
import { exampleUpdate, updateExamples, type ExampleUpdate } from './example-writes.ts'
import { LangsmithError, notFound } from './errors.ts'
import { textOf } from './object-text.ts'
import { datasetName, transformations } from './post-datasets.ts'
import { jsonObject, text, uuid } from './schemas.ts'

/** The schema's marker for "leave as it is", which is what an absent key means as well. */
const missing = z.object({ __missing__: z.literal('__missing__') }).transform(() => undefined)

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Change a dataset; null clears',
  params: z.object({ id: uuid }),
  body: z.object({
    name: z.union([datasetName, missing]).nullish(),
    description: z.union([text, missing]).nullish(),
    inputs_schema_definition: z.union([missing, jsonObject]).nullish(),
    outputs_schema_definition: z.union([missing, jsonObject]).nullish(),
    metadata: z.union([missing, jsonObject]).nullish(),
    transformations: z.union([transformations, missing]).nullish(),
    baseline_experiment_id: z.union([uuid, missing]).nullish(),
    patch_examples: z.record(uuid, exampleUpdate).nullish(),
  }),
}

/** Answers the dataset without counts (contracts/langsmith.md 2.3.2). @throws 409 when the name is taken */
export function patchDatasetsId(app: App, { db, clock }: HttpParts): void {
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
    if (patch.name !== undefined && patch.name !== current.name) {
      if ((await datasetFindByName(db, tenantId, patch.name)) !== null) throw nameTaken()
    }
    const updates = examplesOf(sliceMembers(request.bodyText).get('patch_examples'))
    // First the examples, by the schemas to come: those that stand must fit them.
    await updateExamples({ db, clock }, tenantId, id, updates, schemas)
    try {
      const updated = await datasetUpdate(db, tenantId, id, patch, clock.now(), (examples) => {
        for (const example of examples) {
          assertExampleFits(schemas, example, ['body', 'examples', example.id])
        }
      })
      if (updated === null) throw notFound('Dataset')
      reply.header('X-Updated-Examples-Count', updates.length)
      return datasetFromRow(tenantId, updated)
    } catch (error) {
      if (isUniqueViolation(error)) throw nameTaken()
      throw error
    }
  })
}

function nameTaken(): LangsmithError {
  return new LangsmithError(409, 'Dataset with this name already exists.')
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
    // A dataset has a name: null cannot clear it.
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
    text: member,
    loc: ['body', 'patch_examples', id],
  }))
}
