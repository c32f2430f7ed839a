import { randomUUID } from 'node:crypto'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db, Queryable } from '../pool.ts'
import {
  scoreConfigOf,
  type ScoreConfigRow,
  type StoredScoreConfig,
} from '../read/feedback/score-configs.ts'
import { runStatement } from '../statements.ts'

/** What a client says about a config. */
export type ScoreConfigContent = Omit<
  ScoreConfigRow,
  'id' | 'externalId' | 'createdAt' | 'updatedAt'
>

export async function scoreConfigInsert(
  db: Queryable,
  tenantId: string,
  content: ScoreConfigContent,
  now: Timestamp,
): Promise<ScoreConfigRow> {
  const [row] = await runStatement<StoredScoreConfig>(db, 'score_config_insert', [
    tenantId,
    randomUUID(),
    content.name,
    content.dataType,
    content.isArchived,
    content.description,
    content.minValue,
    content.maxValue,
    categoriesText(content),
    now,
  ])
  return scoreConfigOf(row!)
}

/**
 * Changes a config while it is locked.
 * @param change makes the new content from the old; a throw keeps everything as it was
 * @returns null when there is no config of that id
 */
export async function scoreConfigUpdate(
  db: Db,
  tenantId: string,
  id: string,
  change: (held: ScoreConfigRow) => ScoreConfigContent,
  now: Timestamp,
): Promise<ScoreConfigRow | null> {
  return db.begin(async (transaction) => {
    const [held] = await runStatement<StoredScoreConfig>(transaction, 'score_config_lock', [
      tenantId,
      id,
    ])
    if (held === undefined) return null
    const content = change(scoreConfigOf(held))
    const [row] = await runStatement<StoredScoreConfig>(transaction, 'score_config_update', [
      tenantId,
      id,
      content.name,
      content.isArchived,
      content.description,
      content.minValue,
      content.maxValue,
      categoriesText(content),
      now,
    ])
    return scoreConfigOf(row!)
  })
}

function categoriesText({ categories }: ScoreConfigContent): string | null {
  return categories.length === 0 ? null : JSON.stringify(categories)
}
