import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../../store/pool.ts'
import { datasetTagFind } from '../../../store/read/datasets/dataset-versions.ts'
import { datasetFind, type Dataset } from '../../../store/read/datasets/datasets.ts'
import type { ExampleMoment } from '../../../store/read/datasets/example.ts'
import { notFound } from '../errors.ts'
import type { AsOf } from '../schemas.ts'

/** The state of examples that `as_of` means. A tag means another time in each dataset. */
export function momentOf(asOf: AsOf): ExampleMoment {
  switch (asOf.kind) {
    case 'latest':
      return null
    case 'time':
      return asOf.time
    case 'tag':
      return { tag: asOf.tag }
  }
}

/**
 * The time that `as_of` means in one dataset. What is read as of that time is not affected by later changes.
 * @throws LangsmithError 404 for a tag that the dataset does not have
 */
export async function timeOf(
  db: Queryable,
  tenantId: string,
  dataset: Dataset,
  asOf: AsOf,
): Promise<Timestamp> {
  switch (asOf.kind) {
    case 'latest':
      return dataset.versionAt
    case 'time':
      return asOf.time
    case 'tag': {
      const time = await datasetTagFind(db, tenantId, dataset.id, asOf.tag)
      if (time === null) throw notFound('Dataset version')
      return time
    }
  }
}

/** @throws LangsmithError 404 */
export async function findDataset(db: Queryable, tenantId: string, id: string): Promise<Dataset> {
  const dataset = await datasetFind(db, tenantId, id)
  if (dataset === null) throw notFound('Dataset')
  return dataset
}
