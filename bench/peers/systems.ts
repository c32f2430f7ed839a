import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../test/support/free-port.ts'
import { insertTenant } from '../../test/support/tenant.ts'
import type { FreshStore } from '../fresh-store.ts'
import { cpuMicros, groupCpuMicros } from '../process-cpu.ts'
import { withServer } from '../server-process.ts'
import { installPython, startProgram } from './python.ts'

/** A server that takes OTLP and keeps spans in Postgres. */
export interface System {
  name: string
  version: string
  /** Times that all spans are sent. */
  passes: number
  run(store: FreshStore, use: (target: Target) => Promise<void>): Promise<void>
}

export interface Target {
  /** Where spans are sent. */
  url: string
  headers: Record<string, string>
  /** The database that it keeps spans in. */
  databaseUrl: string
  /** A query whose single value is the number of spans that readers are shown. */
  countSql: string
  /** Microseconds of CPU of its processes so far, without Postgres; null where there is no /proc. */
  cpu(): Promise<number | null>
}

/** @param against a folder with a `dist` */
export function runmill(version: string, passes: number, against: string | undefined): System {
  return {
    name: 'Runmill',
    version,
    passes,
    async run(store, use) {
      const tenant = await insertTenant(store.db)
      await withServer(store, { against }, async ({ url, pids }) =>
        use({
          url: `${url}/v1/traces`,
          headers: { authorization: tenant.basic },
          databaseUrl: store.databaseUrl,
          countSql: 'select count(*)::int from runs where start_time is not null',
          cpu: async () => cpuMicros([...pids.values()][0]!),
        }),
      )
    },
  }
}

/** One process group of a Python program, on a database of its own. */
interface PythonPeer {
  name: string
  version: string
  packages: string[]
  passes: number
  /** The program in the virtual environment, its arguments and settings. */
  command(place: { port: number; databaseUrl: string; folder: string }): {
    program: string
    args: string[]
    env: Record<string, string>
  }
  healthPath: string
  headers: Record<string, string>
  countSql: string
}

const peers: PythonPeer[] = [
  {
    name: 'MLflow',
    version: '3.17.0',
    packages: ['mlflow==3.17.0', 'psycopg[binary]'],
    passes: 3,
    command: ({ port, databaseUrl, folder }) => ({
      program: 'mlflow',
      args: [
        'server',
        '--host=127.0.0.1',
        `--port=${port}`,
        `--backend-store-uri=${databaseUrl.replace('postgres:', 'postgresql+psycopg:')}`,
        `--artifacts-destination=${folder}`,
      ],
      env: { MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' },
    }),
    healthPath: '/health',
    headers: { 'x-mlflow-experiment-id': '0' },
    countSql: 'select count(*)::int from spans',
  },
  {
    name: 'Phoenix',
    version: '20.26.1',
    packages: ['arize-phoenix[pg]==20.26.1'],
    passes: 1,
    command: ({ port, databaseUrl, folder }) => ({
      program: 'phoenix',
      args: ['serve'],
      env: {
        PHOENIX_HOST: '127.0.0.1',
        PHOENIX_PORT: String(port),
        PHOENIX_GRPC_PORT: String(port + 1),
        PHOENIX_SQL_DATABASE_URL: databaseUrl.replace('postgres://', 'postgresql://'),
        PHOENIX_WORKING_DIR: folder,
        PHOENIX_TELEMETRY_ENABLED: 'false',
      },
    }),
    healthPath: '/healthz',
    headers: {},
    countSql: 'select count(*)::int from spans',
  },
]

/** What PyPI has, in the versions that figures were taken with. */
export function pythonSystems(cache: string): System[] {
  return peers.map(({ name, version, packages, passes, ...peer }) => ({
    name,
    version,
    passes,
    async run(store, use) {
      const bin = await installPython(cache, `${name.toLowerCase()}-${version}`, packages)
      const database = name.toLowerCase()
      await store.db`create database ${store.db(database)}`
      const databaseUrl = new URL(store.databaseUrl)
      databaseUrl.pathname = `/${database}`
      const folder = await mkdtemp(join(tmpdir(), 'runmill-peer-'))
      const port = await findFreePort()
      const { program, args, env } = peer.command({ port, databaseUrl: databaseUrl.href, folder })
      const url = `http://127.0.0.1:${port}`
      const server = await startProgram(join(bin, program), args, {
        env,
        url: `${url}${peer.healthPath}`,
      })
      try {
        await use({
          url: `${url}/v1/traces`,
          headers: peer.headers,
          databaseUrl: databaseUrl.href,
          countSql: peer.countSql,
          cpu: async () => groupCpuMicros(server.pid),
        })
      } finally {
        await server.stop()
        await rm(folder, { recursive: true, force: true })
      }
    },
  }))
}
