/** What a reason for refusing requests means, and what to do about it. The names are those of the metrics. */
const meanings: Readonly<Record<string, string>> = {
  backlog: 'The queue holds all that it may. Start more workers, or raise RUNMILL_BACKLOG_BYTES.',
  tenant_backlog:
    'This tenant has its half of the queue waiting. Send more slowly, or start more workers.',
  tenant_intake: 'Requests of this tenant wait for each other. SDKs send them again.',
  queue_memory: 'Redis is nearly full. Give it more memory, or start more workers.',
  queue_full: 'Redis is full. Raise its maxmemory.',
  queue_not_replicated: 'The replicas of Redis lag or are gone. See to them.',
  queue_unavailable: 'The queue cannot be reached. Look at /readyz.',
  database_unavailable: 'Postgres cannot be reached. Look at /readyz.',
  blobs_unavailable: 'The store of attachments cannot be reached. Look at its settings.',
  server_busy: 'Too many bytes or connections at once. SDKs send them again.',
  rate_limit: 'A key sends more requests than RUNMILL_RATE_LIMIT.',
  wrong_keys: 'One address tried too many wrong keys.',
  reads_busy: 'Too many reads of this tenant at once.',
  stopping: 'The server was stopping. SDKs send them again.',
  unauthenticated: 'The key is unknown or was revoked.',
  forbidden: 'The key lacks the scope “write”.',
  invalid: 'The request is not what the SDK’s protocol allows. The answer said where.',
  too_large: 'The body is larger than MAX_BODY_BYTES.',
  slow_body: 'The body arrived too slowly, or its client left.',
  media_type: 'The content type or encoding is not known.',
  not_found: 'What the request is about does not exist.',
  failure: 'A fault of the server. Its log has it.',
}

export function meaningOf(reason: string): string {
  return meanings[reason] ?? 'The log of the server has more.'
}
