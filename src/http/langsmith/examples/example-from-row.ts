import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import type { AttachmentUrls } from '../attachments.ts'
import { joinMembers, objectText } from '../object-text.ts'
import {
  alwaysSelected,
  exampleFields,
  type ExampleAnswer,
  type ExampleField,
  type SelectedExampleAnswer,
} from './example-answer.ts'

/**
 * Example (contracts/langsmith.md 2.4.1). Null outputs stay null, and empty ones stay `{}`.
 * @param urls absent: attachments are not shown
 */
export function exampleFromRow(row: ExampleContent, urls?: AttachmentUrls): ExampleAnswer {
  return {
    id: row.id,
    created_at: row.createdAt,
    modified_at: row.validFrom,
    name: `#${row.id.slice(0, 4)}`,
    dataset_id: row.datasetId,
    source_run_id: row.sourceRunId,
    metadata: new RawJson(metadataOf(row)),
    inputs: new RawJson(row.inputs === null ? '{}' : objectText(row.inputs, 'input')),
    outputs: row.outputs === null ? null : new RawJson(objectText(row.outputs, 'output')),
    attachment_urls: urls?.(row.attachments) ?? null,
  }
}

/** The columns that `exampleFromRow` shows. */
export type ExampleContent = Pick<
  Example,
  | 'id'
  | 'createdAt'
  | 'validFrom'
  | 'datasetId'
  | 'sourceRunId'
  | 'metadata'
  | 'splits'
  | 'inputs'
  | 'outputs'
  | 'attachments'
>

/** The selected fields, and those that clients cannot do without. */
export function selectedExample(
  row: Example,
  select: readonly ExampleField[] | undefined,
  urls: AttachmentUrls,
): SelectedExampleAnswer {
  // Signing takes time, so links are made only when they are selected.
  const example = exampleFromRow(row, select?.includes('attachment_urls') ? urls : undefined)
  const isSelected = (field: ExampleField) =>
    select === undefined ? field !== 'attachment_urls' : select.includes(field)
  return Object.fromEntries(
    exampleFields
      .filter((field) => isSelected(field) || field in alwaysSelected)
      .map((field) => [field, example[field]]),
  ) as SelectedExampleAnswer
}

/**
 * Clients find the splits in the metadata, always (contracts/langsmith.md 0.1.17). They are stored in a column of their
 * own.
 */
function metadataOf({ metadata, splits }: ExampleContent): JsonText {
  const members = sliceMembers(objectText(metadata ?? '{}', 'metadata'))
  members.set('dataset_split', JSON.stringify(splits))
  return joinMembers(members)
}
