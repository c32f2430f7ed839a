import { eventVersion, type IngestEvent } from '../../domain/events.ts'
import { runItemId } from '../../domain/ids.ts'
import { parseTimestamp, type Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

interface ExampleRoot {
  id: string
  externalId: string | null
  experimentId: string
  datasetId: string | null
  referenceExampleId: string
  exampleVersion: string | null
  createdAt: Timestamp
}

/**
 * LangSmith's clients link an example by a field of the root run, so such a run makes a run item as well.
 * @param runIds runs that execute an example and were just written (`is_example_root` in upsert-sql.ts)
 */
export async function linksOfRuns(
  db: Queryable,
  tenantId: string,
  runIds: readonly string[],
): Promise<IngestEvent[]> {
  if (runIds.length === 0) return []
  const roots = await runStatement<ExampleRoot>(db, 'run_list_example_roots', [tenantId, runIds])
  return roots.map(linkEvent)
}

function linkEvent(root: ExampleRoot): IngestEvent {
  const id = runItemId(root.experimentId, root.referenceExampleId, root.id, null)
  const exampleVersion = parseTimestamp(root.exampleVersion ?? '')
  return {
    kind: 'run_item',
    id,
    externalId: null,
    version: eventVersion('create', root.createdAt, id),
    patch: {
      experimentId: root.experimentId,
      datasetId: root.datasetId,
      exampleId: root.referenceExampleId,
      traceId: root.id,
      externalTraceId: root.externalId,
      runId: null,
      externalRunId: null,
      ...(exampleVersion === null ? {} : { exampleVersion }),
      createdAt: root.createdAt,
    },
  }
}
