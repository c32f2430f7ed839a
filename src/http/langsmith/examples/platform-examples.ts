import { z } from 'zod'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import type { Example } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { keepAttachment } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { readExampleParts, type ExamplePartsOptions } from './example-parts.ts'
import type { ExampleUpdate } from './example-writes.ts'
import { multipartLimit, partsSchema, streamMultipart } from '../multipart-body.ts'
import { uuid } from '../schemas.ts'

interface ExamplesRoute extends Pick<ExamplePartsOptions, 'info' | 'operations'> {
  method: 'POST' | 'PATCH'
  summary: string
  /** @throws LangsmithError, with nothing written */
  write: (tenantId: string, datasetId: string, given: ExampleUpdate[]) => Promise<Example[]>
}

/** The vendor's documents have `attachments` for creating and `attachment` for changing; both are taken for both. */
const partNames = [
  '{example_id}',
  '{example_id}.inputs',
  '{example_id}.outputs',
  '{example_id}.attachment.{name}',
  '{example_id}.attachments.{name}',
]
const operationsName = '{example_id}.attachments_operations'

/**
 * A gigabyte: JavaScript's client sends everything in one request, and attachments pass from the socket to the blob
 * store. The JSON, which does not, has the limit of every multipart body.
 */
const bodyLimit = 1024 * 1_048_576

/**
 * A route that writes examples by parts. A refused request stores no example; the bytes of its attachments may stay in
 * the blob store, where nothing refers to them and the same bytes sent again are the same blob.
 */
export function platformExamples(app: App, services: Services, route: ExamplesRoute): void {
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
        response: {
          201: z.object({ count: z.int(), example_ids: z.array(z.string()), as_of: z.string() }),
        },
      },
      config: { errorShape: 'error' },
      handler: async (request, reply) => {
        const { tenantId } = request.principal
        const datasetId = request.params.dataset_id
        // Before a hundred megabytes are taken in.
        if ((await datasetFind(services.db, tenantId, datasetId)) === null)
          throw notFound('Dataset')
        const given = await readExampleParts(request, {
          info,
          operations,
          maxJsonBytes,
          keep: async (name, part) => keepAttachment(services, tenantId, name, part, bodyLimit),
        })
        const written = await write(tenantId, datasetId, given)
        return reply.code(201).send({
          count: written.length,
          example_ids: written.map(({ id }) => id),
          as_of: written[0]!.validFrom,
        })
      },
    })
  })
}
