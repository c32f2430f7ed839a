import { z } from 'zod'
import { observationTypes } from '../../../domain/observation-types.ts'
import { shownJson, shownTime } from '../requests.ts'

/*
 * Observations as answers show them. observation-from-row.ts makes them.
 */

const identity = {
  id: z.string(),
  projectId: z.string(),
  traceId: z.string().nullable(),
  parentObservationId: z.string().nullable(),
  type: z.enum(observationTypes),
}

const startAndEnd = { startTime: shownTime, endTime: shownTime.nullable() }

const otherTimes = {
  completionStartTime: shownTime.nullable(),
  createdAt: shownTime,
  updatedAt: shownTime,
}

/** US dollars for one unit, as v1 shows them. */
const prices = {
  modelId: z.string().nullable(),
  inputPrice: z.number().nullable(),
  outputPrice: z.number().nullable(),
  totalPrice: z.number().nullable(),
}

/** As v2 shows them. */
const priceTexts = {
  modelId: z.string().nullable(),
  inputPrice: z.string().nullable(),
  outputPrice: z.string().nullable(),
  totalPrice: z.string().nullable(),
}

const prompt = {
  promptId: z.null(),
  promptName: z.string().nullable(),
  promptVersion: z.int().nullable(),
}

const latencies = { latency: z.number().nullable(), timeToFirstToken: z.number().nullable() }

const usageMaps = {
  usageDetails: z.record(z.string(), z.number()),
  costDetails: z.record(z.string(), z.number()),
}

/** Observation of v1 and of traces (contracts/langfuse.md 2.10, 2.16). */
export const observationAnswer = z
  .object({
    ...identity,
    ...startAndEnd,
    ...otherTimes,
    ...prices,
    ...prompt,
    ...latencies,
    ...usageMaps,
    name: z.string().nullable(),
    environment: z.string(),
    version: z.string().nullable(),
    input: shownJson,
    output: shownJson,
    metadata: z.record(z.string(), shownJson),
    level: z.string(),
    statusMessage: z.string().nullable(),
    model: z.string().nullable(),
    modelParameters: shownJson,
    usage: z.object({ unit: z.string(), input: z.int(), output: z.int(), total: z.int() }),
    unit: z.string(),
    promptTokens: z.int(),
    completionTokens: z.int(),
    totalTokens: z.int(),
    usagePricingTierName: z.string().nullable(),
    usagePricingTierId: z.string().nullable(),
    calculatedInputCost: z.number().nullable(),
    calculatedOutputCost: z.number().nullable(),
    calculatedTotalCost: z.number().nullable(),
  })
  .meta({ id: 'LangfuseObservation' })

/** Observation of v2. What is optional belongs to a group of fields (contracts/langfuse.md 2.10). */
export const observationV2Answer = z
  .object({ ...identity, ...startAndEnd, ...priceTexts })
  .extend(
    z
      .object({
        isRootObservation: z.boolean(),
        name: z.string().nullable(),
        level: z.string(),
        statusMessage: z.string().nullable(),
        version: z.string().nullable(),
        environment: z.string(),
        bookmarked: z.boolean(),
        public: z.boolean(),
        userId: z.string().nullable(),
        sessionId: z.string().nullable(),
        ...otherTimes,
        input: z.string().nullable(),
        output: z.string().nullable(),
        metadata: z.record(z.string(), shownJson),
        model: z.string().nullable(),
        providedModelName: z.string().nullable(),
        internalModelId: z.string().nullable(),
        modelParameters: shownJson,
        ...usageMaps,
        totalCost: z.number().nullable(),
        usagePricingTierName: z.string().nullable(),
        ...prompt,
        ...latencies,
        traceName: z.string().nullable(),
        tags: z.array(z.string()),
        release: z.string().nullable(),
      })
      .partial().shape,
  )
  .meta({ id: 'LangfuseObservationV2' })
