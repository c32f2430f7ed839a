import postgres from 'postgres'
import { migrate } from '../../../src/store/migrate.ts'
import { distribute } from '../../../src/store/distribute.ts'
import { closePool, openPool } from '../../../src/store/pool.ts'

/** The server on which tests make their databases: one, or the nodes of a cluster, where each has a part of every database. */
export interface TestServer {
  /** Of the server, or of the cluster's coordinator. */
  adminUrl: string
  /** Of the other nodes of the cluster. */
  nodeUrls: string[]
  /** A migrated database, of which copies are made. */
  templateDatabase: string
}

/** Runs a statement on the server itself, and on every other node. */
export async function runOnNodes(
  { adminUrl, nodeUrls }: TestServer,
  statement: string,
): Promise<void> {
  await Promise.all([adminUrl, ...nodeUrls].map((url) => runOn(url, statement)))
}

/** @param database where it runs; absent: in that of the URL */
async function runOn(url: string, statement: string, database?: string): Promise<void> {
  const connection = postgres(inDatabase(url, database), {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
  })
  try {
    await connection.unsafe(statement)
  } finally {
    await connection.end()
  }
}

function inDatabase(url: string, database: string | undefined): string {
  if (database === undefined) return url
  const other = new URL(url)
  other.pathname = `/${database}`
  return other.href
}

/**
 * Makes the template on a server that runs. Where its database has the extension citus and other nodes, the tables of the
 * template are distributed to them.
 */
export async function makeTemplate(
  adminUrl: string,
  templateDatabase: string,
): Promise<TestServer> {
  const admin = openPool(adminUrl, { max: 1 })
  const nodes = await nodesOf(admin)
  await closePool(admin)
  const nodeUrls = nodes
    .filter((node) => !node.isCoordinator)
    .map((node) => nodeUrl(adminUrl, node))
  const server: TestServer = { adminUrl, nodeUrls, templateDatabase }
  await runOnNodes(server, `create database ${templateDatabase}`)
  if (nodes.length > 0) {
    const urls = [adminUrl, ...nodeUrls]
    await Promise.all(urls.map((url) => runOn(url, 'create extension citus', templateDatabase)))
    for (const { name, port, isCoordinator } of nodes.toSorted((a) => (a.isCoordinator ? -1 : 1))) {
      const add = isCoordinator ? 'citus_set_coordinator_host' : 'citus_add_node'
      await runOn(adminUrl, `select ${add}('${name}', ${port})`, templateDatabase)
    }
  }
  const db = openPool(inDatabase(adminUrl, templateDatabase))
  await migrate(db)
  if (nodes.length > 0) {
    await distribute(db)
    // Citus keeps a connection of its own to every database, and no copy is made of one that is in use.
    await runOnNodes(
      server,
      `alter database ${templateDatabase} allow_connections false;
      select pg_terminate_backend(pid) from pg_stat_activity where datname = '${templateDatabase}' and pid <> pg_backend_pid()`,
    )
  }
  await closePool(db)
  return server
}

interface Node {
  name: string
  port: number
  isCoordinator: boolean
}

async function nodesOf(admin: postgres.Sql): Promise<Node[]> {
  const [citus] = await admin`select from pg_extension where extname = 'citus'`
  if (citus === undefined) return []
  return admin<Node[]>`
    select nodename as name, nodeport as port, groupid = 0 as is_coordinator from pg_dist_node`
}

function nodeUrl(adminUrl: string, { name, port }: Node): string {
  const url = new URL(adminUrl)
  url.hostname = name
  url.port = String(port)
  return url.href
}
