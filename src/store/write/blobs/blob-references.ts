import sql, { join, raw, type Sql } from 'sql-template-tag'
import { tenant } from '../../statements.ts'

/**
 * A condition: something refers to a blob. That is an attachment of a run or an example, a dead letter, which may be
 * replayed, or media: while an example mentions them, a trace is there that they were announced for, nobody knows
 * whether there is one, or they were announced lately.
 * @param blob SQL of its id, and of the time since which an announcement counts
 */
export function blobIsReferencedSql({ id, since }: { id: Sql; since: Sql }): Sql {
  return sql`(${attachedTo('runs', id)}
  or ${attachedTo('examples', id)}
  or exists (
    select from media
    where media.tenant_id = ${tenant} and media.blob_id = ${id}
      and (
        not media.knows_traces
        or media.updated_at >= ${since}
        or exists (
          select from media_traces
          join traces on traces.tenant_id = ${tenant} and traces.id = media_traces.trace_id
          where media_traces.tenant_id = ${tenant} and media_traces.media_id = media.id
        )
        or 0 < (
          select count(*) from examples
          where examples.tenant_id = ${tenant} and runmill_media_ids(${exampleTexts}) @> array[media.id]
            and (${exampleTextsMention})
        )
      )
  )
  or exists (
    select from dead_letters
    where dead_letters.tenant_id = ${tenant} and dead_letters.event like '%blob_id%'
      and position(${id}::text in dead_letters.event) > 0
  ))`
}

/** A count goes by the index; for `exists` the planner would hope to find one among any 200 rows. */
function attachedTo(entity: 'runs' | 'examples', id: Sql): Sql {
  const table = raw(entity)
  return sql`0 < (
    select count(*) from ${table}
    where ${table}.tenant_id = ${tenant} and ${table}.attachments is not null
      and runmill_blob_ids(${table}.attachments) @> array[${id}]
  )`
}

/** The index of the media that examples mention, and which of them are in it: word for word as it was made. */
const exampleTexts = sql`array[examples.inputs::text, examples.outputs::text, examples.metadata::text]`
const exampleTextsMention = join(
  ['inputs', 'outputs', 'metadata'].map(
    (column) => sql`examples.${raw(column)}::text like '%@@@langfuseMedia:%'`,
  ),
  ' or ',
)
