import { sliceMembers } from '../../../domain/json.ts'
import { rawJson } from '../../../domain/raw-json.ts'
import type { FeedbackRow } from '../../../store/read/feedback/feedback.ts'
import type { FeedbackAnswer } from './feedback-answer.ts'

/**
 * FeedbackSchema (contracts/langsmith.md 2.1, 2.7.2): every key is present, and score and value are as they were sent.
 */
export function feedbackFromRow(row: FeedbackRow): FeedbackAnswer {
  return {
    id: row.id,
    key: row.key ?? '',
    created_at: row.createdAt,
    modified_at: row.updatedAt ?? row.createdAt,
    score: rawJson(row.score),
    value: rawJson(row.value),
    comment: row.comment,
    correction: rawJson(row.correction),
    run_id: row.runId,
    trace_id: row.traceId,
    session_id: row.experimentId,
    start_time: row.runStartTime,
    is_root: row.isRoot,
    feedback_source: sourceOf(row),
    extra: rawJson(row.extra),
    feedback_group_id: row.feedbackGroupId,
    comparative_experiment_id: row.comparativeExperimentId,
    feedback_thread_id: row.threadId,
  }
}

function sourceOf({ sourceType, source }: FeedbackRow): FeedbackAnswer['feedback_source'] {
  if (sourceType === null && source === null) return null
  const given = sliceMembers(source ?? '{}')
  return {
    type: sourceType,
    metadata: rawJson(given.get('metadata')),
    user_id: rawJson(given.get('user_id')),
    ls_user_id: rawJson(given.get('ls_user_id')),
    user_name: rawJson(given.get('user_name')),
  }
}
