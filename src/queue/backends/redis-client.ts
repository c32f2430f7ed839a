import { Cluster, type Redis } from 'ioredis'

export type Client = Redis | Cluster

/** The server, or the nodes of a cluster that take writes, each of which has keys and scripts of its own. */
export function mastersOf(client: Client): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client]
}
