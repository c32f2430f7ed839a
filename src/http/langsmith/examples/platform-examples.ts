import { z } from 'zod'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import type { App, Services } from '../../services.ts'
import { attachmentsOperations, keepAttachment } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { multipartLimit, partsSchema, streamMultipart } from '../multipart-body.ts'
import { uuid } from '../schemas.ts'
import { writtenAnswer } from './example-answer.ts'
import { readExampleParts, type ExamplePartsOptions } from './example-parts.ts'
import {
  createExamples,
  exampleCreate,
  exampleUpdate,
  updateExamples,
  type ExampleUpdate,
} from './example-writes.ts'

const createInfo = exampleCreate.omit({ dataset_id: true, inputs: true, outputs: true, id: true })
const updateInfo = exampleUpdate.pick({ metadata: true, split: true, overwrite: true })

/**
 * Writes examples of one dataset with their attachments, all or none, as one version. What an update does not mention
 * stays as it was (contracts/langsmith.md 2.4.3).
 */
export function platformExamplesRoutes(app: App, services: Services): void {
  multipartRoute(app, services, {
    method: 'POST',
    summary: 'Create examples of one dataset with attachments, all or none',
    info: createInfo,
    operations: null,
    write: createExamples,
  })
  multipartRoute(app, services, {
    method: 'PATCH',
    summary: 'Change examples of one dataset and their attachments, all or none',
    info: updateInfo,
    operations: attachmentsOperations,
    write: updateExamples,
  })
}

interface ExamplesRoute extends Pick<ExamplePartsOptions, 'info' | 'operations'> {
  method: 'POST' | 'PATCH'
  summary: string
  /** @throws LangsmithError, with nothing written */
  write: (
    services: Services,
    tenantId: string,
    datasetId: string,
    given: ExampleUpdate[],
  ) => Promise<Example[]>
}

/** The vendor documents `attachments` for creating and `attachment` for changing; both routes take either. */
const partNames = [
  '{example_id}',
  '{example_id}.inputs',
  '{example_id}.outputs',
  '{example_id}.attachment.{name}',
  '{example_id}.attachments.{name}',
]
const operationsName = '{example_id}.attachments_operations'

/**
 * A gigabyte: JavaScript's client sends everything in one request, and attachments stream from the socket to the blob
 * store. The JSON is held in memory, so it keeps the limit of every multipart body.
 */
const bodyLimit = 1024 * 1_048_576

/**
 * Registers a route whose body has a part for each field of an example. A refused request stores no example. Bytes of
 * its attachments may stay in the blob store; nothing refers to them, and a repeat of the request stores them only
 * once.
 */
function multipartRoute(app: App, services: Services, route: ExamplesRoute): void {
  const { method, summary, info, operations, write } = route
  const maxJsonBytes = multipartLimit(app)
  streamMultipart(app, (scope) => {
    scope.route({
      method,
      url: '/platform/datasets/:dataset_id/examples',
      bodyLimit,
      schema: {
        tags: ['langsmith examples'],
        summary,
        consumes: ['multipart/form-data'],
        params: z.object({ dataset_id: uuid }),
        body: partsSchema(operations === null ? partNames : [...partNames, operationsName]),
        response: { 201: writtenAnswer },
      },
      config: { errorShape: 'error' },
      handler: async (request, reply) => {
        const { tenantId } = request.principal
        const datasetId = request.params.dataset_id
        // Checked before the body is read, which may be large.
        if ((await datasetFind(services.db, tenantId, datasetId)) === null)
          throw notFound('Dataset')
        const given = await readExampleParts(request, {
          info,
          operations,
          maxJsonBytes,
          keep: async (name, part) => keepAttachment(services, tenantId, name, part, bodyLimit),
        })
        const written = await write(services, tenantId, datasetId, given)
        return reply.code(201).send({
          count: written.length,
          example_ids: written.map(({ id }) => id),
          as_of: written[0]!.validFrom,
        })
      },
    })
  })
}
