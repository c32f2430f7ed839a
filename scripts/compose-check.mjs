// node scripts/compose-check.mjs SCHEMA: compares docker-compose.yml with the JSON Schema of the Compose specification, where there is
// no docker compose that would do so.
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { parse } from 'yaml'

const { $schema: _, ...schema } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema)
const file = new URL('../docker-compose.yml', import.meta.url)
if (validate(parse(readFileSync(file, 'utf8'), { merge: true }))) console.log('valid')
else {
  for (const { instancePath, message, params } of validate.errors) {
    console.error(`${instancePath} ${message} ${JSON.stringify(params)}`)
  }
  process.exitCode = 1
}
