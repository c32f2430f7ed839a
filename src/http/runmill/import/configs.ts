import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { feedbackConfigImport, scoreConfigImport } from '../../../store/write/imports.ts'
import { emptyAnswer, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { config, givenId, tags, text, time } from './schemas.ts'

const scoreSchema = {
  tags,
  summary: 'Write a score config as another server has it, with its id and times',
  body: z.object({
    id: givenId,
    name: text.pipe(z.string().min(1)),
    data_type: z.enum(['NUMERIC', 'CATEGORICAL', 'BOOLEAN', 'TEXT']),
    is_archived: z.boolean(),
    description: text.nullish(),
    min_value: z.number().nullish(),
    max_value: z.number().nullish(),
    categories: z.array(z.object({ label: text, value: z.number() })).nullish(),
    created_at: time,
    updated_at: time,
  }),
  response: { 200: z.object({ id: uuidAnswer }) },
}

const feedbackSchema = {
  tags,
  summary: 'Write the config of a feedback key as another server has it, with its time',
  body: z.object({
    key: text.pipe(z.string().min(1).max(180)),
    config: z.strictObject({
      type: z.enum(['continuous', 'categorical', 'freeform']),
      min: z.number().nullable(),
      max: z.number().nullable(),
      categories: z.array(z.object({ value: z.number(), label: z.string().nullable() })).nullable(),
      allows_multiple_categories: z.literal(true).optional(),
    }),
    is_lower_score_better: z.boolean().nullish(),
    is_enforced: z.boolean().nullish(),
    updated_at: time,
  }),
  response: { 204: emptyAnswer },
}

/** `POST /api/runmill/import/score-configs` and `/feedback-configs`. */
export function importConfigRoutes(app: App, { db }: Services): void {
  app.post('/import/score-configs', { schema: scoreSchema, config }, async (request) => {
    const { body } = request
    const { id, externalId } = resolveId('score-config', body.id)
    await scoreConfigImport(db, request.principal.tenantId, {
      id,
      externalId,
      name: body.name,
      dataType: body.data_type,
      isArchived: body.is_archived,
      description: body.description ?? null,
      minValue: body.min_value ?? null,
      maxValue: body.max_value ?? null,
      categories: body.categories ?? [],
      createdAt: body.created_at,
      updatedAt: body.updated_at,
    })
    return { id }
  })

  app.post(
    '/import/feedback-configs',
    { schema: feedbackSchema, config },
    async (request, reply) => {
      const { body } = request
      await feedbackConfigImport(db, request.principal.tenantId, {
        key: body.key,
        config: sliceMembers(request.bodyText).get('config')!,
        isLowerScoreBetter: body.is_lower_score_better ?? false,
        isEnforced: body.is_enforced ?? false,
        updatedAt: body.updated_at,
      })
      return reply.code(204).send()
    },
  )
}
