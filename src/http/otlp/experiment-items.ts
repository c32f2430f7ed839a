import { jsonOfString } from '../../domain/embedded-json.ts'
import type { JsonText } from '../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../domain/events.ts'
import { resolveId, runItemId, type ResolvedId } from '../../domain/ids.ts'
import { hasHugeNumber, jsonbText } from '../../domain/json.ts'
import { parseTimestamp } from '../../domain/timestamp.ts'
import { experimentFindOfDataset } from '../../store/read/experiments/dataset-experiments.ts'
import { datasetFind } from '../../store/read/datasets/datasets.ts'
import {
  experimentListKnown,
  type KnownExperiment,
} from '../../store/read/experiments/known-experiments.ts'
import { experimentUpsertByName } from '../../store/write/experiments.ts'
import { experimentInsertTraced } from '../../store/write/traced-experiments.ts'
import type { Services } from '../services.ts'
import { jsonOfValue, readAttributes, type AttributeReader } from './attribute-reader.ts'
import type { AttributeField } from './attributes.ts'
import type { AttributeValue, Span } from './decode.ts'
import { idsOf, type IdScheme } from './span-ids.ts'

/** A span that stands for one item of an experiment. */
interface ItemSpan {
  span: Span
  reader: AttributeReader
  /** The experiment as the client identifies it. The stored one may have another id. */
  experiment: ResolvedId
  example: ResolvedId
}

/** The stored experiment that an item belongs to. */
interface StoredExperiment {
  experimentId: string
  datasetId: string | null
}

/**
 * Makes run items from `langfuse.experiment.*` attributes (contracts/langfuse.md 2.8.3): one for each span that the
 * attributes name as the item's own. It is the same row that a posted link makes, and what a link says takes
 * precedence. An experiment that is not known is found by its name in its dataset, or else made.
 */
export async function experimentItemEvents(
  services: Services,
  tenantId: string,
  spans: readonly Span[],
  idScheme: IdScheme,
): Promise<EventOf<'run_item'>[]> {
  const items = spans.map(readItem).filter((item) => item !== null)
  if (items.length === 0) return []
  const experiments = await findExperiments(services, tenantId, items)
  return items.map((item) => itemEvent(item, experiments.get(item.experiment.id)!, idScheme))
}

function readItem(span: Span): ItemSpan | null {
  if (!span.attributes.has('langfuse.experiment.id')) return null
  const reader = readAttributes(span)
  const experimentId = reader.text('experimentId')
  const itemId = reader.text('itemId')
  if (experimentId === null || itemId === null) return null
  const own = reader.text('itemRootSpanId') ?? (span.parentSpanId === null ? span.spanId : null)
  if (own?.toLowerCase() !== span.spanId) return null
  return {
    span,
    reader,
    experiment: resolveId('experiment', experimentId),
    example: resolveId('example', itemId),
  }
}

async function findExperiments(
  services: Services,
  tenantId: string,
  items: ItemSpan[],
): Promise<Map<string, StoredExperiment>> {
  const byExperiment = new Map(items.toReversed().map((item) => [item.experiment.id, item]))
  const known = await experimentListKnown(services.db, tenantId, [...byExperiment.keys()])
  const experiments = new Map<string, StoredExperiment>()
  const local: ItemSpan[] = []
  for (const [experimentId, item] of byExperiment) {
    const held = known.get(experimentId)
    const stored =
      held === undefined || isNewRun(item, held)
        ? await experimentInDataset(services, tenantId, item)
        : { experimentId, datasetId: held.datasetId }
    if (stored === null) local.push(item)
    experiments.set(experimentId, stored ?? { experimentId, datasetId: null })
  }
  if (local.length > 0) {
    await experimentInsertTraced(
      services.db,
      tenantId,
      local.map((item) => ({
        ...item.experiment,
        ...contentOf(item),
        namedDataset: item.reader.text('datasetId'),
      })),
      services.clock.now(),
    )
  }
  return experiments
}

/**
 * Python 5 derives the id of an experiment from its dataset and name, so a run after the deletion of the last one of that
 * name comes under the deleted one's id (contracts/langfuse.md 5.19). An id of ours is never used again.
 */
function isNewRun({ span, experiment }: ItemSpan, { deletedAt }: KnownExperiment): boolean {
  return experiment.externalId !== null && deletedAt !== null && span.startTime > deletedAt
}

/**
 * Finds or makes the experiment by its dataset and name. A client whose link failed makes up an experiment id of its
 * own, and Python 5 always does. A new experiment gets that id, by which scores of the run come; one that is there already
 * keeps its own.
 */
async function experimentInDataset(
  { db, clock }: Services,
  tenantId: string,
  item: ItemSpan,
): Promise<StoredExperiment | null> {
  const sent = item.reader.text('datasetId')
  if (sent === null) return null
  const dataset = await datasetFind(db, tenantId, resolveId('dataset', sent).id)
  if (dataset === null) return null
  const content = contentOf(item)
  const experiment =
    (await experimentFindOfDataset(db, tenantId, dataset.id, content.name)) ??
    (await experimentUpsertByName(db, {
      tenantId,
      datasetId: dataset.id,
      now: clock.now(),
      given: item.experiment,
      ...content,
    }))
  return { experimentId: experiment.id, datasetId: dataset.id }
}

function contentOf({ reader, experiment }: ItemSpan): {
  name: string
  description: string | null
  metadata: JsonText | null
} {
  const metadata = objectText(reader, 'experimentMetadata')
  return {
    name: reader.name('experimentName') ?? reader.name('experimentId') ?? experiment.id,
    description: reader.text('experimentDescription'),
    metadata: metadata === null || hasHugeNumber(metadata) ? null : jsonbText(metadata),
  }
}

function itemEvent(
  { span, reader, example }: ItemSpan,
  { experimentId, datasetId }: StoredExperiment,
  idScheme: IdScheme,
): EventOf<'run_item'> {
  const { trace, run } = idsOf(span, idScheme)
  const id = runItemId(experimentId, example.id, trace.id, run.id)
  const outputs = reader.json('itemExpectedOutput')
  const metadata = objectText(reader, 'itemMetadata')
  const exampleVersion = parseTimestamp(reader.text('itemVersion') ?? '')
  return {
    kind: 'run_item',
    id,
    externalId: null,
    // Ranked as an update, because the oldest version of these fields counts: what a link said stays.
    version: eventVersion('update', span.startTime, id),
    patch: {
      experimentId,
      datasetId,
      exampleId: example.id,
      traceId: trace.id,
      externalTraceId: trace.externalId,
      runId: run.id,
      externalRunId: run.externalId,
      ...(exampleVersion === null ? {} : { exampleVersion }),
      createdAt: span.startTime,
      externalExampleId: example.externalId,
      ...(outputs === null ? {} : { exampleOutputs: outputs }),
      ...(metadata === null ? {} : { exampleMetadata: metadata }),
    },
  }
}

/**
 * Reads an object, sent as JSON or as one attribute per member. Any other value becomes the member `metadata` of an
 * object.
 */
function objectText(reader: AttributeReader, field: AttributeField): JsonText | null {
  const value = reader.find(field)
  if (value === null) return null
  const text = typeof value === 'string' ? jsonOfString(value) : nestedJson(value)
  if (text === 'null') return null
  return text.startsWith('{') ? text : `{"metadata":${text}}`
}

/** Writes a value as JSON. Strings in it that hold JSON become that JSON. */
function nestedJson(value: AttributeValue): JsonText {
  if (Array.isArray(value)) return `[${value.map(nestedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return jsonOfValue(value)
  const members = Object.entries(value).map(
    ([key, member]) => `${JSON.stringify(key)}:${nestedJson(member)}`,
  )
  return `{${members.join(',')}}`
}
