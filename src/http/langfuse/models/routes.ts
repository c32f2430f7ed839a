import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { findShipped } from '../../../prices/built-in.ts'
import { modelPriceFind, modelPriceListAll } from '../../../store/read/prices/model-prices.ts'
import {
  maxPrices,
  modelPriceDelete,
  modelPriceUpsert,
} from '../../../store/write/prices/model-prices.ts'
import type { App, Services } from '../../services.ts'
import { invalidRequest, notFound } from '../errors.ts'
import { messageAnswer, metaOf, offsetOf, page, pageOf } from '../requests.ts'
import { modelBody, modelFromBody } from './model-body.ts'
import { modelAnswer, modelFromPrice } from './model-from-price.ts'

const tags = ['langfuse models']
const params = z.object({ modelId: z.string() })

const postSchema = {
  body: modelBody,
  response: { 200: modelAnswer },
  tags,
  summary: 'Set the price of a model',
}

const listSchema = {
  querystring: z.object(page),
  response: { 200: pageOf(modelAnswer) },
  tags,
  summary: 'List the prices of models, with those that ship with the server',
}

const getSchema = {
  params,
  response: { 200: modelAnswer },
  tags,
  summary: 'Get the price of a model',
}

const deleteSchema = {
  params,
  response: { 200: messageAnswer },
  tags,
  summary: 'Delete the price of a model; costs that were computed with it stay',
}

/** Models and their prices (contracts/langfuse.md 2.18). */
export function modelsRoutes(app: App, { db, clock }: Services): void {
  app.post('/models', { schema: postSchema }, async ({ principal, body }) => {
    const price = modelFromBody(body, clock.now())
    const stored = await modelPriceUpsert(db, principal.tenantId, price, (held) => {
      if (held.some(({ name }) => name === price.name)) {
        throw invalidRequest(`Model name '${price.name}' already exists in project`)
      }
      if (held.length >= maxPrices)
        throw invalidRequest(`A project has at most ${maxPrices} models`)
    })
    return modelFromPrice(stored, false)
  })

  app.get('/models', { schema: listSchema }, async ({ principal, query }) => {
    const prices = await modelPriceListAll(db, principal.tenantId)
    const offset = offsetOf(query)
    const shown = prices.slice(offset, offset + query.limit)
    const data = await Promise.all(
      shown.map(async (price) => modelFromPrice(price, (await findShipped(price.id)) !== null)),
    )
    return { data, meta: metaOf(query, prices.length) }
  })

  app.get('/models/:modelId', { schema: getSchema }, async ({ principal, params: { modelId } }) => {
    const own = isUuid(modelId) ? await modelPriceFind(db, principal.tenantId, modelId) : null
    if (own !== null) return modelFromPrice(own, false)
    const shipped = await findShipped(modelId)
    if (shipped === null) throw notFound('No model with this id found.')
    return modelFromPrice(shipped, true)
  })

  app.delete('/models/:modelId', { schema: deleteSchema }, async (request) => {
    const { modelId } = request.params
    if (!isUuid(modelId) || !(await modelPriceDelete(db, request.principal.tenantId, modelId))) {
      throw notFound(
        'No model with this id found. Note: You cannot delete built-in models, override them with a model with the same name.',
      )
    }
    return { message: 'Model successfully deleted' }
  })
}
