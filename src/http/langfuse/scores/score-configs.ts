import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import {
  scoreConfigCount,
  scoreConfigList,
  scoreConfigListAmong,
} from '../../../store/read/feedback/score-configs.ts'
import { scoreConfigInsert, scoreConfigUpdate } from '../../../store/write/score-configs.ts'
import type { App, Services } from '../../services.ts'
import { invalidData, invalidRequest, notFound } from '../errors.ts'
import { metaOf, offsetOf, page, pageOf, text } from '../requests.ts'
import {
  categories,
  checkedConfig,
  configDataTypes,
  configName,
  scoreConfigAnswer,
  scoreConfigFromRow,
} from './score-config.ts'

const tags = ['langfuse score configs']
const params = z.object({ configId: z.string() })

const postSchema = {
  body: z.object({
    name: configName,
    dataType: z.enum(configDataTypes),
    categories: categories.nullish(),
    minValue: z.number().nullish(),
    maxValue: z.number().nullish(),
    description: text.nullish(),
  }),
  response: { 200: scoreConfigAnswer },
  tags,
  summary: 'Make a score config',
}

const listSchema = {
  querystring: z.object(page),
  response: { 200: pageOf(scoreConfigAnswer) },
  tags,
  summary: 'List score configs',
}

const getSchema = {
  params,
  response: { 200: scoreConfigAnswer },
  tags,
  summary: 'Get a score config',
}

const patchSchema = {
  params,
  body: z
    .object({
      isArchived: z.boolean().nullish(),
      name: configName.nullish(),
      categories: categories.nullish(),
      minValue: z.number().nullish(),
      maxValue: z.number().nullish(),
      description: text.nullish(),
    })
    .refine((given) => Object.keys(given).length > 0, {
      message: 'Request body cannot be empty. At least one field must be provided for update.',
    }),
  response: { 200: scoreConfigAnswer },
  tags,
  summary: 'Change a score config',
}

/** Configs of scores (contracts/langfuse.md 2.6.4). Several may have one name. */
export function scoreConfigsRoutes(app: App, { db, clock }: Services): void {
  app.post('/score-configs', { schema: postSchema }, async ({ principal, body: given }) => {
    const { tenantId } = principal
    const content = checkedConfig(
      {
        name: given.name,
        dataType: given.dataType,
        isArchived: false,
        description: given.description ?? null,
        minValue: given.minValue ?? null,
        maxValue: given.maxValue ?? null,
        categories: given.categories ?? [],
      },
      invalidData,
    )
    const row = await scoreConfigInsert(db, tenantId, content, clock.now())
    return scoreConfigFromRow(tenantId, row)
  })

  // Newest first, archived ones included.
  app.get('/score-configs', { schema: listSchema }, async ({ principal, query }) => {
    const { tenantId } = principal
    const [rows, total] = await Promise.all([
      scoreConfigList(db, tenantId, { limit: query.limit, offset: offsetOf(query) }),
      scoreConfigCount(db, tenantId),
    ])
    const data = rows.map((row) => scoreConfigFromRow(tenantId, row))
    return { data, meta: metaOf(query, total) }
  })

  app.get('/score-configs/:configId', { schema: getSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = resolveId('score-config', request.params.configId)
    const row = (await scoreConfigListAmong(db, tenantId, [id])).get(id)
    if (row === undefined) throw configNotFound()
    return scoreConfigFromRow(tenantId, row)
  })

  // The type cannot change. An absent field keeps what is stored; null clears the description and the bounds, and keeps
  // the rest. Scores that were given before stay as they are.
  app.patch('/score-configs/:configId', { schema: patchSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = resolveId('score-config', request.params.configId)
    const given = request.body
    const row = await scoreConfigUpdate(
      db,
      tenantId,
      id,
      (held) =>
        checkedConfig(
          {
            name: given.name ?? held.name,
            dataType: held.dataType,
            isArchived: given.isArchived ?? held.isArchived,
            description: given.description === undefined ? held.description : given.description,
            minValue: given.minValue === undefined ? held.minValue : given.minValue,
            maxValue: given.maxValue === undefined ? held.maxValue : given.maxValue,
            categories: given.categories ?? held.categories,
          },
          (_, rule) => invalidRequest(rule),
        ),
      clock.now(),
    )
    if (row === null) throw configNotFound()
    return scoreConfigFromRow(tenantId, row)
  })
}

function configNotFound() {
  return notFound('Score config not found within authorized project')
}
