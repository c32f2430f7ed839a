// pg ships no types. BullMQ declares those that its Postgres backend needs, and we need no others.
declare module 'pg' {
  import type { PgModule } from 'bullmq'
  const pg: PgModule
  export default pg
}
