import { z } from 'zod'
import {
  datasetVersionFind,
  datasetVersionList,
  exampleListChanges,
  type DatasetVersion,
  type ExampleChange,
} from '../../../store/read/datasets/dataset-versions.ts'
import { timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { invalid, notFound } from '../errors.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { page, searchedText, text, uuid, version } from '../schemas.ts'

/** DatasetVersion (contracts/langsmith.md 2.3.2). */
export const versionAnswer = z.object({
  tags: z.array(z.string()).nullable(),
  as_of: timeAnswer,
})

const tags = ['langsmith datasets']
const params = z.object({ id: uuid })

const listSchema = {
  tags,
  summary: 'List the versions of a dataset, newest first',
  params,
  querystring: z.object({ search: searchedText.optional(), example: uuid.optional(), ...page }),
  response: { 200: z.array(versionAnswer) },
}

const findSchema = {
  tags,
  summary: 'Read the version of a dataset at a time, or the one that has a tag',
  params,
  querystring: z.object({ as_of: version.optional(), tag: text.optional() }),
  response: { 200: versionAnswer },
}

const diffSchema = {
  tags,
  summary: 'Compare two versions of a dataset',
  params,
  querystring: z.object({ from_version: version, to_version: version }),
  response: {
    200: z.object({
      examples_added: z.array(uuidAnswer),
      examples_modified: z.array(uuidAnswer),
      examples_removed: z.array(uuidAnswer),
    }),
  },
}

/** Versions of a dataset (contracts/langsmith.md 2.3.3). */
export function versionsRoutes(app: App, { db }: Services): void {
  app.get('/datasets/:id/versions', { schema: listSchema }, async (request) => {
    const { tenantId } = request.principal
    const { search, example, limit, offset } = request.query
    const dataset = await findDataset(db, tenantId, request.params.id)
    const versions = await datasetVersionList(db, {
      tenantId,
      datasetId: dataset.id,
      exampleId: example ?? null,
      tagContains: search ?? null,
      limit,
      offset,
    })
    return versions.map(versionFromRow)
  })

  // Without a time and a tag, answers the latest. 404 for a time before the first example and for an unknown tag.
  app.get('/datasets/:id/version', { schema: findSchema }, async (request) => {
    const { tenantId } = request.principal
    const { as_of: asOf, tag } = request.query
    if (asOf !== undefined && tag !== undefined) {
      throw invalid(['query', 'tag'], 'Only one of as_of and tag can be given')
    }
    const dataset = await findDataset(db, tenantId, request.params.id)
    const asked = tag === undefined || tag === 'latest' ? asOf : { kind: 'tag' as const, tag }
    const time = await timeOf(db, tenantId, dataset, asked ?? { kind: 'latest' })
    const found = await datasetVersionFind(db, tenantId, dataset.id, time)
    if (found === null) throw notFound('Dataset version')
    return versionFromRow(found)
  })

  // At a time before the first version the dataset was empty. 404 for an unknown tag.
  app.get('/datasets/:id/versions/diff', { schema: diffSchema }, async (request) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const from = await timeOf(db, tenantId, dataset, request.query.from_version)
    const to = await timeOf(db, tenantId, dataset, request.query.to_version)
    const changes = await exampleListChanges(db, tenantId, dataset.id, from, to)
    const idsOf = (wanted: ExampleChange['change']) =>
      changes.filter(({ change }) => change === wanted).map(({ id }) => id)
    return {
      examples_added: idsOf('added'),
      examples_modified: idsOf('modified'),
      examples_removed: idsOf('removed'),
    }
  })
}

export function versionFromRow({
  asOf,
  tags: names,
}: DatasetVersion): z.output<typeof versionAnswer> {
  return { tags: names.length === 0 ? null : names, as_of: asOf }
}
