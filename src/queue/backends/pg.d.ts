// pg ships no types; BullMQ declares the part that its Postgres backend needs, which is the part that we use.
declare module 'pg' {
  import type { PgModule } from 'bullmq'
  const pg: PgModule
  export default pg
}
