import { z } from 'zod'
import type { ModelPrice } from '../../../prices/model-price.ts'
import { findShipped } from '../../../prices/built-in.ts'
import { modelPriceFind, modelPriceListAll } from '../../../store/read/prices/model-prices.ts'
import {
  maxPrices,
  modelPriceDelete,
  modelPriceUpsert,
} from '../../../store/write/prices/model-prices.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { searchedText, uuid } from '../schemas.ts'
import { answerFromPrice, priceAnswer, priceBody, priceFromBody } from './price-schemas.ts'

const tags = ['model-price-map']
const params = z.object({ price_id: uuid })

const listSchema = {
  tags,
  summary: 'List the prices of models, with those that ship with the server',
  querystring: z.object({
    q: searchedText.optional().describe('A part of the name or the provider.'),
    offset: z.coerce.number().int().min(0).default(0),
    limit: z.coerce.number().int().min(1).max(5000).optional(),
  }),
  response: { 200: z.array(priceAnswer) },
}

const postSchema = {
  tags,
  summary: 'Set the price of a model',
  body: priceBody,
  response: { 200: priceAnswer },
}

const putSchema = {
  tags,
  summary: 'Replace the price of a model; costs that were computed with it stay',
  params,
  body: priceBody,
  response: { 200: priceAnswer },
}

const deleteSchema = {
  tags,
  summary: 'Delete the price of a model; costs that were computed with it stay',
  params,
  response: { 200: messageAnswer },
}

/** Prices of models (contracts/langsmith.md 2.12). */
export function pricesRoutes(app: App, { db, clock }: Services): void {
  app.get('/model-price-map', { schema: listSchema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { q, offset, limit } = request.query
    const all = await modelPriceListAll(db, tenantId)
    const prices = q === undefined ? all : all.filter((price) => isAbout(price, q.toLowerCase()))
    reply.header('X-Pagination-Total', prices.length)
    const shown = prices.slice(offset, limit === undefined ? undefined : offset + limit)
    return Promise.all(
      shown.map(async (price) =>
        answerFromPrice(price, (await findShipped(price.id)) === null ? tenantId : null),
      ),
    )
  })

  app.post('/model-price-map', { schema: postSchema }, async ({ principal, body }) => {
    const price = priceFromBody(body, clock.now())
    const stored = await modelPriceUpsert(db, principal.tenantId, price, (held) => {
      refuseSame(price, held)
      if (held.length >= maxPrices) {
        throw new LangsmithError(400, `A workspace has at most ${maxPrices} model prices`)
      }
    })
    return answerFromPrice(stored, principal.tenantId)
  })

  app.put('/model-price-map/:price_id', { schema: putSchema }, async (request) => {
    const { tenantId } = request.principal
    const id = request.params.price_id
    // A price that another tenant has, or that ships with the server, is not to be found either.
    if ((await modelPriceFind(db, tenantId, id)) === null) throw notFound('Model price')
    const price = priceFromBody(request.body, clock.now(), id)
    const stored = await modelPriceUpsert(db, tenantId, price, (held) => {
      const others = held.filter((each) => each.id !== id)
      if (others.length === held.length) throw notFound('Model price')
      refuseSame(price, others)
    })
    return answerFromPrice(stored, tenantId)
  })

  app.delete('/model-price-map/:price_id', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    if (!(await modelPriceDelete(db, tenantId, request.params.price_id))) {
      throw notFound('Model price')
    }
    return { message: 'Model price deleted' }
  })
}

/** @throws LangsmithError 409 when two prices would compete on equal terms */
function refuseSame(price: ModelPrice, held: readonly ModelPrice[]): void {
  const key = keyOf(price)
  if (held.some((each) => keyOf(each) === key)) {
    throw new LangsmithError(409, 'A model price with these match conditions already exists')
  }
}

function keyOf(price: ModelPrice): string {
  const { name, matchPattern, matchPath, provider, startTime } = price
  return JSON.stringify([name, matchPattern, matchPath, provider, startTime])
}

function isAbout({ name, provider }: ModelPrice, text: string): boolean {
  return `${name}\n${provider ?? ''}`.toLowerCase().includes(text)
}
