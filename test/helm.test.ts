import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { settingNames } from '../src/config.ts'
import { harness } from './support/harness.ts'

const chart = 'deploy/helm/runmill'

/**
 * Whether tests render the chart: when helm is installed, and in any case with RUNMILL_TEST_HELM=1, so that CI cannot go
 * green without it.
 */
function testsRunHelm(): boolean {
  if (process.env.RUNMILL_TEST_HELM === '1') return true
  const installed = spawnSync('helm', ['version']).status === 0
  if (!installed) console.warn('helm is not installed: the chart was not tested.')
  return installed
}

/** An object of Kubernetes, or a part of one. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests look at what Kubernetes defines
type Manifest = any

/** Renders the chart with these values, as `helm install acme` would. @throws what helm says against them */
function renderChart(values: object): Manifest[] {
  const { status, stdout, stderr } = spawnSync(
    'helm',
    [
      'template',
      'acme',
      chart,
      '--namespace',
      'evals',
      '--kube-version',
      '1.34.0',
      '--values',
      '-',
    ],
    { input: JSON.stringify(values), encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return parseAllDocuments(stdout).map((document) => document.toJS())
}

const bucket = { RUNMILL_BLOBS_S3_BUCKET: 'attachments' }
const least = {
  settings: bucket,
  secrets: { DATABASE_URL: 'postgres://user:word@postgres/runmill' },
}

/** The chart's own: addresses, ports and what a process does. */
const fixed = ['HOST', 'PORT', 'ROLE', 'RUNMILL_DATA_DIR', 'RUNMILL_HEALTH_PORT']

function find(manifests: Manifest[], kind: string, name: string): Manifest {
  return manifests.find((each) => each.kind === kind && each.metadata.name === name)
}

function settingsOf(workload: Manifest): Record<string, string> {
  const [container] = workload.spec.template.spec.containers
  const entries = container.env.map(({ name, value }: Manifest) => [name, value])
  return Object.fromEntries(entries) as Record<string, string>
}

async function schema(): Promise<Manifest> {
  return JSON.parse(await readFile('deploy/helm/runmill/values.schema.json', 'utf8'))
}

test('every setting is the chart’s own, a value or a secret', async () => {
  const { settings, secrets } = (await schema()).properties
  const given = [...Object.keys(settings.properties), ...Object.keys(secrets.properties)]
  expect(new Set(given).size).toBe(given.length)
  // What OpenTelemetry's packages read themselves (docs/operations.md, "Traces").
  const read = [
    'EXPORTER_OTLP_HEADERS',
    'RESOURCE_ATTRIBUTES',
    'SERVICE_NAME',
    'TRACES_SAMPLER',
    'TRACES_SAMPLER_ARG',
  ]
  const known = [...settingNames, ...read.map((name) => `OTEL_${name}`)]
  expect([...given, ...fixed].toSorted()).toEqual(known.toSorted())
})

describe.runIf(testsRunHelm())('rendered', () => {
  test('every value and secret reaches every process under its name, large numbers as they are', async () => {
    const { settings, secrets } = (await schema()).properties
    const values: Record<string, string | number> = Object.fromEntries(
      Object.keys(settings.properties).map((name) => [name, `value of ${name}`]),
    )
    values.RUNMILL_BACKLOG_BYTES = 1_099_511_627_776
    const hidden = Object.fromEntries(
      Object.keys(secrets.properties).map((name) => [name, `secret "${name}"`]),
    )
    const rendered = renderChart({ settings: values, secrets: hidden })
    expect(find(rendered, 'Secret', 'acme-runmill').stringData).toEqual(hidden)
    const expected = Object.entries(values).map(([name, value]) => [name, String(value)])
    for (const [kind, component] of [
      ['Deployment', 'api'],
      ['Deployment', 'worker'],
      ['Job', 'migration'],
    ] as const) {
      const workload = find(rendered, kind, `acme-runmill-${component}`)
      expect(settingsOf(workload), component).toMatchObject(Object.fromEntries(expected))
      const [container] = workload.spec.template.spec.containers
      expect(container.envFrom).toEqual([{ secretRef: { name: 'acme-runmill' } }])
      if (kind === 'Deployment') {
        expect(Object.keys(settingsOf(workload))).toEqual(expect.arrayContaining(fixed))
        expect(settingsOf(workload).ROLE).toBe(component)
      }
    }
  })

  test('a Secret that there is already is used, and is there before an installation', () => {
    const rendered = renderChart({ settings: bucket, existingSecret: 'given' })
    expect(rendered.some(({ kind }) => kind === 'Secret')).toBe(false)
    const migration = find(rendered, 'Job', 'acme-runmill-migration')
    expect(migration.metadata.annotations['helm.sh/hook']).toBe('pre-install,pre-upgrade')
    const [container] = migration.spec.template.spec.containers
    const [node, program] = container.command
    expect(node).toBe('node')
    expect(existsSync(program.replace(/^dist\//, '').replace(/\.js$/, '.ts'))).toBe(true)
    expect(container.envFrom).toEqual([{ secretRef: { name: 'given' } }])
    const own = find(renderChart(least), 'Job', 'acme-runmill-migration')
    expect(own.metadata.annotations['helm.sh/hook']).toBe('pre-upgrade')
  })

  test('no process is root or can write but where it has to, and each has a limit of memory', () => {
    const workloads = renderChart(least).filter(({ kind }) => ['Deployment', 'Job'].includes(kind))
    expect(workloads).toHaveLength(3)
    for (const { spec } of workloads) {
      const pod = spec.template.spec
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
      expect(pod.automountServiceAccountToken).toBe(false)
      const [container] = pod.containers
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(container.resources.limits.memory).toBeDefined()
      expect(container.resources.requests.cpu).toBeDefined()
      expect(pod.volumes).toContainEqual({ name: 'tmp', emptyDir: {} })
    }
  })

  test('KEDA asks for series that the server has', async () => {
    const rendered = renderChart({ ...least, autoscaling: { enabled: true } })
    const { spec } = find(rendered, 'ScaledObject', 'acme-runmill-worker')
    const worker = find(rendered, 'Deployment', spec.scaleTargetRef.name)
    // KEDA and the release would otherwise take turns at it.
    expect(worker.spec.replicas).toBeUndefined()
    const { port } = find(rendered, 'Service', 'acme-runmill-health').spec.ports[0]
    const h = await harness()
    const text = (await h.app.inject('/metrics')).body
    const series = text.split('\n').map((line) => line.replace(/ [^ ]+$/, ''))
    expect(spec.triggers).toHaveLength(6)
    for (const { metadata } of spec.triggers) {
      expect(metadata.url).toBe(`http://acme-runmill-health.evals.svc:${port}/metrics`)
      expect(series).toContain(metadata.valueLocation)
    }
  })

  test('attachments are in a bucket or on the claim, or nothing is installed', () => {
    expect(() => renderChart({ secrets: least.secrets })).toThrow('Attachments would be lost')
    const claimed = { secrets: least.secrets, attachments: { existingClaim: 'shared' } }
    const api = find(renderChart(claimed), 'Deployment', 'acme-runmill-api')
    expect(api.spec.template.spec.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'shared' },
    })
  })

  test.each([
    ['no database', { settings: bucket }, 'Set existingSecret, or secrets.DATABASE_URL.'],
    ['both kinds of secrets', { ...least, existingSecret: 'given' }, 'not both'],
    [
      'a setting that there is not',
      { ...least, settings: { ...bucket, LOG_LEVLE: 'info' } },
      'LOG_LEVLE',
    ],
    [
      'a secret among the settings',
      { ...least, settings: { ...bucket, REDIS_URL: 'redis://x' } },
      'REDIS_URL',
    ],
  ])('%s is refused', (_, values, said) => {
    expect(() => renderChart(values)).toThrow(said)
  })

  test('links have the address of the ingress', () => {
    const ingress = { enabled: true, host: 'runmill.example.com', tlsSecret: 'certificate' }
    const rendered = renderChart({ ...least, ingress })
    const api = find(rendered, 'Deployment', 'acme-runmill-api')
    expect(settingsOf(api).RUNMILL_PUBLIC_URL).toBe('https://runmill.example.com')
    expect(find(rendered, 'Ingress', 'acme-runmill').spec.tls).toEqual([
      { hosts: ['runmill.example.com'], secretName: 'certificate' },
    ])
  })
})

test('the chart installs this version', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  const { appVersion } = parse(await readFile('deploy/helm/runmill/Chart.yaml', 'utf8'))
  expect(String(appVersion)).toBe(version)
})
