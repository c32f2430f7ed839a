import { stringifyWithRaw } from '../../../domain/raw-json.ts'
import { applied, jsonBody } from '../api.ts'
import { joined, required, type Item } from '../item.ts'
import { isRefusal, type Job, sendAll } from '../job.ts'
import { type Attachment, attachmentsOf } from './datasets.ts'
import { readRuns } from './lists.ts'
import { multipartBody, type Part } from './multipart.ts'

/** Imports the runs of a session, page by page. The next page is read while one is written. */
export async function importRuns(job: Job, sessionId: string): Promise<void> {
  const { source, selection, state } = job
  const unit = `runs/${sessionId}`
  const read = async (cursor: string) => readRuns(source, sessionId, { selection, cursor })
  const place = state.placeOf(unit)
  let page = place === null ? null : await read(place)
  while (page !== null) {
    const { runs, next } = page
    // The runs of other projects that an experiment links come with those projects.
    const own = runs.filter((run) => run.text('session_id') === sessionId)
    const [following] = await Promise.all([next === null ? null : read(next), writeRuns(job, own)])
    await state.advance(unit, next, { runs: own.length })
    job.tell()
    page = following
  }
}

async function writeRuns(job: Job, runs: readonly Item[]): Promise<void> {
  const plain: Operations[] = []
  for (const run of runs) {
    const operations = operationsOf(run)
    if (attachmentsOf(run.value('s3_urls')).length === 0) plain.push(operations)
    else await writeWithAttachments(job, run, operations)
  }
  const lengthOf = ({ create, update }: Operations): number => create.length + (update?.length ?? 0)
  await sendAll(job, plain, lengthOf, async (part) => {
    const creates = part.map(({ create }) => create)
    const updates = part.flatMap(({ update }) => update ?? [])
    const body = `{"post":[${creates.join(',')}],"patch":[${updates.join(',')}]}`
    await job.target.text('POST', '/api/v1/runs/batch', jsonBody(body, applied))
  })
}

/** JSON of the create of a run, and of its update; null while it has not ended. */
interface Operations {
  create: string
  update: string | null
}

/**
 * A run as its client sent it: a create of what was known at its start, and once it has ended an update of the rest. So a
 * run that was read before its end gets the rest by a later import.
 */
function operationsOf(run: Item): Operations {
  const place = {
    id: required(run, 'id'),
    trace_id: run.raw('trace_id'),
    parent_run_id: run.raw('parent_run_id'),
    dotted_order: run.raw('dotted_order'),
  }
  const inputs = run.raw('inputs')
  // An answer shows `{}` for inputs that were never sent.
  const isAbsent = inputs?.text === '{}' && run.raw('inputs_preview') === null
  const start = {
    ...place,
    session_id: run.raw('session_id'),
    name: run.raw('name'),
    run_type: run.raw('run_type'),
    start_time: run.raw('start_time'),
    inputs: isAbsent ? null : inputs,
    serialized: run.raw('serialized'),
    reference_example_id: run.raw('reference_example_id'),
  }
  const rest = {
    outputs: run.raw('outputs'),
    error: run.raw('error'),
    events: run.raw('events'),
    extra: run.raw('extra'),
    tags: run.raw('tags'),
  }
  const endTime = run.raw('end_time')
  if (endTime === null) return { create: stringifyWithRaw({ ...start, ...rest }), update: null }
  return {
    create: stringifyWithRaw(start),
    update: stringifyWithRaw({ ...place, ...rest, end_time: endTime }),
  }
}

async function writeWithAttachments(
  job: Job,
  run: Item,
  { create, update }: Operations,
): Promise<void> {
  const id = required(run, 'id')
  const parts: Part[] = [{ name: `post.${id}`, type: 'application/json', content: create }]
  if (update !== null) {
    parts.push({ name: `patch.${id}`, type: 'application/json', content: update })
  }
  const partOf = ({ name, link, mimeType }: Attachment): Part => ({
    name: `attachment.${id}.${name}`,
    type: mimeType,
    content: async () => (await job.source.file(link)).body ?? new Blob([]).stream(),
  })
  for (let files = attachmentsOf(run.value('s3_urls')); ; ) {
    const body = multipartBody([...parts, ...files.map(partOf)], applied)
    try {
      await job.target.text('POST', '/api/v1/runs/multipart', body)
      return
    } catch (error) {
      if (!isRefusal(error)) throw error
      await job.leaveOut(error.message)
      if (error.link === null) return
      // The run comes without the file that is gone.
      files = files.filter(({ link }) => link !== error.link)
    }
  }
}

/** A piece of feedback as a part of a multipart body. */
export function feedbackPart(feedback: Item): Part {
  const source = feedback.members('feedback_source')
  const type = source.get('type') ?? 'null'
  if (source.size > 0) source.set('type', JSON.stringify(sourceTypes[type] ?? JSON.parse(type)))
  const id = required(feedback, 'id')
  const content = {
    key: feedback.raw('key'),
    run_id: feedback.raw('run_id'),
    trace_id: feedback.raw('trace_id'),
    session_id: feedback.raw('session_id'),
    start_time: feedback.raw('start_time'),
    score: feedback.raw('score'),
    value: feedback.raw('value'),
    comment: feedback.raw('comment'),
    correction: feedback.raw('correction'),
    feedback_source: source.size === 0 ? null : joined(source),
    feedback_group_id: feedback.raw('feedback_group_id'),
    comparative_experiment_id: feedback.raw('comparative_experiment_id'),
    extra: feedback.raw('extra'),
    created_at: feedback.raw('created_at'),
    modified_at: feedback.raw('modified_at'),
  }
  return {
    name: `feedback.${id}`,
    type: 'application/json',
    content: stringifyWithRaw(content),
  }
}

/** Types that Langfuse's clients give, which LangSmith's know by another name. */
const sourceTypes: Readonly<Record<string, string>> = {
  '"annotation"': 'app',
  '"eval"': 'auto_eval',
}
