// node scripts/chart-check.mjs SCHEMAS CRD: lints the Helm chart, renders it with each file of its folder `ci`, and compares what comes
// out with the schemas of Kubernetes. Needs helm and kubeconform.
// SCHEMAS: the folder kubernetes-json-schema of the package kubernetes-validate of PyPI. CRD: KEDA's definition of a ScaledObject.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

const [schemas, crd] = process.argv.slice(2)
const chart = join(import.meta.dirname, '..', 'deploy', 'helm', 'runmill')

/** The oldest version that the chart supports, and one of today. */
const versions = ['1.25.0', '1.34.0']

function run(command, args, input = '') {
  const { status, stdout, stderr } = spawnSync(command, args, { input, encoding: 'utf8' })
  if (status === 0) return stdout
  console.error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  process.exit(1)
}

/** Refuses keys that the schema does not name, as the schemas of Kubernetes itself do. */
function closed(schema) {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(closed)
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)]),
  )
  const isOpen = 'additionalProperties' in copy || copy['x-kubernetes-preserve-unknown-fields']
  return schema.type === 'object' && 'properties' in schema && !isOpen
    ? { ...copy, additionalProperties: false }
    : copy
}

/** Copies the schemas of a version. They have addresses of their own, which only their package can resolve: without, they are files. */
function schemasOf(version) {
  const from = join(schemas, `v${version}-local-strict`)
  const to = join(folder, version)
  mkdirSync(to)
  for (const name of readdirSync(from)) {
    const { $id: _, ...schema } = JSON.parse(readFileSync(join(from, name), 'utf8'))
    const text = JSON.stringify(schema).replaceAll('"/api/_definitions.json', '"_definitions.json')
    writeFileSync(join(to, name), text)
  }
  const { spec } = parse(readFileSync(crd, 'utf8'))
  const { schema } = spec.versions.find(({ name }) => name === 'v1alpha1')
  const definition = JSON.stringify(closed(schema.openAPIV3Schema))
  writeFileSync(join(to, 'scaledobject-keda-v1alpha1.json'), definition)
  return join(to, '{{ .ResourceKind }}{{ .KindSuffix }}.json')
}

const folder = mkdtempSync(join(tmpdir(), 'runmill-chart-'))
for (const version of versions) {
  const location = schemasOf(version)
  for (const file of readdirSync(join(chart, 'ci'))) {
    const given = ['--kube-version', version, '--values', join(chart, 'ci', file)]
    run('helm', ['lint', chart, '--strict', ...given])
    const rendered = run('helm', ['template', 'acme', chart, ...given])
    const options = ['-strict', '-summary', '-verbose', '-schema-location', location]
    console.log(`${file}, Kubernetes ${version}:\n${run('kubeconform', options, rendered)}`)
  }
}
rmSync(folder, { recursive: true, force: true })
