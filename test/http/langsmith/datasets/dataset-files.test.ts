import { randomUUID } from 'node:crypto'
import { parse as parseCsv } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import type { TestTenant } from '../../../support/tenant.ts'

interface ExampleBody {
  id: string
  modified_at: string
  inputs: Record<string, unknown>
  outputs: Record<string, unknown> | null
  metadata: Record<string, unknown>
}

type Fields = Record<string, string | string[]>

interface FileGiven {
  text: string | Uint8Array
  name?: string
  type?: string
}

/** Sends a form as clients do. When the file is null, the form has none. */
async function upload(
  h: Harness,
  url: string,
  file: FileGiven | null,
  fields: Fields,
  { as = h.tenant, isFileLast = false }: { as?: TestTenant; isFileLast?: boolean } = {},
): Promise<Answer> {
  const form = new FormData()
  const addFile = () => {
    if (file === null) return
    const blob = new Blob([new Uint8Array(Buffer.from(file.text))], {
      type: file.type ?? 'text/csv',
    })
    form.append('file', blob, file.name ?? 'data.csv')
  }
  if (!isFileLast) addFile()
  for (const [name, values] of Object.entries(fields)) {
    for (const value of [values].flat()) form.append(name, value)
  }
  if (isFileLast) addFile()
  const encoded = new Response(form)
  const response = await h.app.inject({
    method: 'POST',
    url,
    headers: {
      'x-api-key': as.secretKey,
      'content-type': encoded.headers.get('content-type')!,
    },
    payload: Buffer.from(await encoded.arrayBuffer()),
  })
  const text = response.body
  return { status: response.statusCode, body: JSON.parse(text), text, headers: response.headers }
}

async function makeDataset(h: Harness, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/datasets', { name: randomUUID(), ...rest })
  return answer.body.id as string
}

async function list(h: Harness, datasetId: string): Promise<ExampleBody[]> {
  return (await h.call('GET', `/examples?dataset=${datasetId}`)).body as ExampleBody[]
}

const csv = 'question,answer,level\r\n1+1,2,easy\r\n"a ""b"", c\r\nd",,hard\r\n'
const keys = { input_keys: 'question', output_keys: 'answer', metadata_keys: 'level' }

describe('200 POST /datasets/upload', () => {
  test('a CSV becomes a dataset named after the file, with its cells as texts', async () => {
    const h = await harness()
    const made = await upload(
      h,
      '/api/v1/datasets/upload',
      { text: csv, name: 'my file.csv' },
      keys,
    )
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'my file.csv', data_type: 'kv', description: null, example_count: 2 },
    })
    expect((await h.call('GET', `/datasets/${made.body.id}`)).body).toEqual(made.body)
    const examples = await list(h, made.body.id as string)
    expect(examples).toMatchObject([
      { inputs: { question: '1+1' }, outputs: { answer: '2' } },
      { inputs: { question: 'a "b", c\r\nd' }, outputs: { answer: '' } },
    ])
    expect(examples.map(({ metadata }) => metadata)).toEqual([
      { level: 'easy', dataset_split: ['base'] },
      { level: 'hard', dataset_split: ['base'] },
    ])
    expect(new Set(examples.map((example) => example.modified_at)).size).toBe(1)
  })

  test("the fields of Python's client: id, name, schemas and mappings, whether the file comes first or last", async () => {
    const h = await harness()
    const id = randomUUID()
    const schema = '{"type":"object","required":["q"],"maximum":1.0}'
    const fields = {
      input_keys: ['question', 'level'],
      output_keys: 'answer',
      id,
      name: 'named',
      description: 'text',
      data_type: 'llm',
      inputs_schema_definition: schema,
      transformations: '[{"path":["inputs"],"transformation_type":"remove_system_messages"}]',
      input_key_mappings: '{"question":"q"}',
      output_key_mappings: '{"answer":"a"}',
      unknown: 'ignored',
    }
    const file = { text: `\ufeff${csv}` }
    const made = await upload(h, '/datasets/upload', file, fields, { isFileLast: true })
    expect(made).toMatchObject({
      status: 200,
      body: {
        id,
        name: 'named',
        description: 'text',
        data_type: 'llm',
        transformations: [{ path: ['inputs'], transformation_type: 'remove_system_messages' }],
      },
    })
    expect(made.text).toContain(schema)
    expect((await list(h, id))[0]).toMatchObject({
      inputs: { q: '1+1', level: 'easy' },
      outputs: { a: '2' },
      metadata: { dataset_split: ['base'] },
    })
  })

  test('JSON Lines keep their values digit for digit, and a line may lack a key', async () => {
    const h = await harness()
    const text =
      '{"q":{"n":1.0,"big":12345678901234567890},"a":null}\n\n{"q":"\\u0000","extra":1}\r\n{"a":[1]}'
    for (const [name, type] of [
      ['data.jsonl', 'text/csv'],
      ['data', 'application/jsonl'],
    ] as const) {
      const fields = { input_keys: 'q', output_keys: 'a', name: type }
      const made = await upload(h, '/datasets/upload', { text, name, type }, fields)
      expect([name, made.status, made.body.example_count]).toEqual([name, 200, 3])
      const listed = await h.call('GET', `/examples?dataset=${made.body.id}`)
      expect(listed.text).toContain('{"q":{"n":1.0,"big":12345678901234567890}}')
      expect(listed.body).toMatchObject([
        { outputs: { a: null } },
        { inputs: { q: '\0' }, outputs: {} },
        { inputs: {}, outputs: { a: [1] } },
      ])
    }
  })

  test("a file name beyond ASCII is read as Python's clients send it", async () => {
    const h = await harness()
    const body = [
      '--b',
      'Content-Disposition: form-data; name="file"; filename*=utf-8\'\'m%C3%BCnchen.csv',
      'Content-Type: text/csv',
      '',
      'q',
      '1',
      '--b',
      'Content-Disposition: form-data; name="input_keys"',
      '',
      'q',
      '--b--',
      '',
    ].join('\r\n')
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const made = await h.call('POST', '/datasets/upload', body, headers)
    expect(made).toMatchObject({ status: 200, body: { name: 'münchen.csv', example_count: 1 } })
    const broken = body.replace('%C3', '%')
    expect((await h.call('POST', '/datasets/upload', broken, headers)).status).toBe(422)
  })

  test('without output keys there are no outputs, and a file of any length makes one version', async () => {
    const h = await harness()
    const rows = Array.from({ length: 1234 }, (_, i) => `${i}`)
    const made = await upload(
      h,
      '/datasets/upload',
      { text: `i\n${rows.join('\n')}` },
      { input_keys: 'i' },
    )
    expect(made.body.example_count).toBe(1234)
    const versions = await h.call('GET', `/datasets/${made.body.id}/versions`)
    expect(versions.body).toHaveLength(1)
    const last = await h.call('GET', `/examples?dataset=${made.body.id}&offset=1200`)
    expect((last.body as ExampleBody[]).map(({ inputs }) => inputs.i)).toEqual(rows.slice(1200))
    expect(last.body[0].outputs).toBeNull()
  })
})

describe('409 POST /datasets/upload', () => {
  test('a name or id that is taken is refused, and nothing is stored', async () => {
    const h = await harness()
    const id = await makeDataset(h, { name: 'data.csv' })
    for (const fields of [{}, { id, name: 'other' }]) {
      const answer = await upload(h, '/datasets/upload', { text: csv }, { ...keys, ...fields })
      expect(answer).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('already exists') },
      })
    }
    expect((await h.call('GET', '/examples/count')).body).toBe(0)
  })
})

describe('200 POST /examples/upload/{dataset_id}', () => {
  test('adds the rows of a file to a dataset and returns them in order', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const rows = Array.from({ length: 250 }, (_, i) => `${i},x`)
    const file = { text: `i,o\n${rows.join('\n')}` }
    const fields = { input_keys: 'i', output_keys: 'o' }
    const answer = await upload(h, `/examples/upload/${id}`, file, fields)
    expect(answer.status).toBe(200)
    const examples = answer.body as ExampleBody[]
    expect(examples.map(({ inputs }) => inputs.i)).toEqual(rows.map((row) => row.split(',')[0]))
    expect((await h.call('GET', `/examples/${examples[7]!.id}`)).body).toEqual(examples[7])
    expect((await upload(h, `/examples/upload/${id}`, { text: 'i,o\n' }, fields)).body).toEqual([])
    expect((await h.call('GET', `/examples/count?dataset=${id}`)).body).toBe(250)
  })

  test("404 for an unknown dataset, and another tenant's", async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const stranger = await h.addTenant()
    for (const [as, dataset] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      const answer = await upload(h, `/examples/upload/${dataset}`, { text: csv }, keys, { as })
      expect(answer).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
    }
    expect(await list(h, id)).toEqual([])
  })
})

describe('422 uploads', () => {
  test('all or nothing: with one bad row, cell or value nothing is stored', async () => {
    const h = await harness()
    const id = await makeDataset(h, { inputs_schema_definition: { required: ['question'] } })
    const schema = '{"properties":{"question":{"maxLength":3}}}'
    const jsonl = { name: 'data.jsonl' }
    const deep = `{"question":${'['.repeat(1000)}${']'.repeat(1000)}}`
    const files: [file: FileGiven, fields?: Fields][] = [
      [{ text: '' }],
      [{ text: 'question,answer\n1,2\n' }],
      [{ text: `${csv}too,many,cells,here\n` }],
      [{ text: `${csv}too few\n` }],
      [{ text: `${csv}"never closed,1,2\n` }],
      [{ text: csv }, { inputs_schema_definition: schema }],
      [{ text: '{"question":1}\nnot json\n', ...jsonl }],
      [{ text: '{"question":1}\n[1]\n', ...jsonl }],
      [{ text: `{"question":1}\n${deep}\n`, ...jsonl }],
      [{ text: '{"question":1,"level":1e999999}', ...jsonl }],
    ]
    for (const [file, fields] of files) {
      const made = await upload(h, '/datasets/upload', file, { ...keys, ...fields })
      expect([made.status, file.text]).toEqual([422, file.text])
      expect(Array.isArray(made.body.detail) || typeof made.body.detail === 'string').toBe(true)
      if (fields !== undefined) continue
      const added = await upload(h, `/examples/upload/${id}`, file, keys)
      expect([added.status, file.text]).toEqual([422, file.text])
    }
    const broken = { text: '{"question":1}\n{"other":1}\n', ...jsonl }
    expect(await upload(h, `/examples/upload/${id}`, broken, keys)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'file', 1, 'inputs'], type: 'schema_violation' }] },
    })
    expect((await h.call('GET', '/datasets')).body).toHaveLength(1)
    expect((await h.call('GET', '/examples/count')).body).toBe(0)
    expect((await h.call('GET', `/datasets/${id}/versions`)).body).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('a form of the wrong shape is refused', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const forms: [file: FileGiven | null, fields: Fields][] = [
      [null, keys],
      [{ text: csv }, {}],
      [{ text: csv }, { output_keys: 'answer' }],
      [{ text: csv }, { ...keys, input_keys: '' }],
      [{ text: csv }, { ...keys, input_keys: 'nope' }],
      [{ text: csv }, { ...keys, input_key_mappings: 'x' }],
      [{ text: csv }, { ...keys, input_key_mappings: '["x"]' }],
      [{ text: csv }, { ...keys, output_key_mappings: '{"answer":1}' }],
      [{ text: csv }, { ...keys, file: 'twice' }],
    ]
    for (const [file, fields] of forms) {
      for (const url of ['/datasets/upload', `/examples/upload/${id}`]) {
        expect([(await upload(h, url, file, fields)).status, url, fields]).toEqual([
          422,
          url,
          fields,
        ])
      }
    }
    for (const fields of [
      { id: 'nope' },
      { data_type: 'table' },
      { name: 'x'.repeat(256) },
      { inputs_schema_definition: 'x' },
      { inputs_schema_definition: '[]' },
      { inputs_schema_definition: '{"type":"nothing"}' },
      { outputs_schema_definition: `${'['.repeat(1000)}${']'.repeat(1000)}` },
      { transformations: '{}' },
    ]) {
      const answer = await upload(h, '/datasets/upload', { text: csv }, { ...keys, ...fields })
      expect([answer.status, fields]).toEqual([422, fields])
    }
    expect((await upload(h, '/examples/upload/nope', { text: csv }, keys)).status).toBe(422)
    for (const [type, body] of [
      ['application/json', '{}'],
      ['application/json', 'not json'],
      ['multipart/form-data', 'x'],
      [
        'multipart/form-data; boundary=b',
        '--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nx',
      ],
    ] as const) {
      for (const url of ['/datasets/upload', `/examples/upload/${id}`]) {
        const { status } = await h.call('POST', url, body, { 'content-type': type })
        expect([status, url, type]).toEqual([422, url, type])
      }
    }
    expect((await h.call('GET', '/datasets')).body).toHaveLength(1)
    expect(h.errors).toEqual([])
  })

  test('text that Postgres cannot hold is stored in a readable form', async () => {
    const h = await harness()
    const made = await upload(
      h,
      '/datasets/upload',
      { text: 'q,m\na\0b,c\0d\n', name: 'ü "x".csv' },
      { input_keys: 'q', metadata_keys: 'm', description: 'x\0y' },
    )
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'ü "x".csv', description: 'x\ufffdy' },
    })
    expect(await list(h, made.body.id as string)).toMatchObject([
      { inputs: { q: 'a\0b' }, metadata: { m: 'c\ufffdd' } },
    ])
    const bytes = new Uint8Array([0x71, 0x0a, 0xff, 0xfe, 0x0a])
    const odd = await upload(h, '/datasets/upload', { text: bytes }, { input_keys: 'q' })
    expect(odd.status).toBe(200)
    expect(h.errors).toEqual([])
  })
})

describe('documentation', () => {
  test('lists the fields of the forms', async () => {
    const h = await harness()
    const { body } = await h.call('GET', '/docs/json')
    const formOf = (path: string) =>
      body.paths[path].post.requestBody.content['multipart/form-data'].schema as object
    expect(formOf('/datasets/upload')).toMatchObject({
      required: ['file', 'input_keys'],
      properties: { file: { format: 'binary' }, input_keys: { type: 'array' }, name: {} },
    })
    expect(formOf('/examples/upload/{dataset_id}')).toMatchObject({
      properties: { file: { format: 'binary' }, input_key_mappings: {} },
    })
  })
})

describe('413 uploads', () => {
  test('a form beyond the body limit is refused', async () => {
    const h = await harness()
    const text = `q\n${'x'.repeat(21_000_000)}\n`
    expect((await upload(h, '/datasets/upload', { text }, { input_keys: 'q' })).status).toBe(413)
    expect((await h.call('GET', '/datasets')).body).toEqual([])
  })
})

describe('200 exports', () => {
  test('CSV has a column per key, and reads back unchanged', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const { body: examples } = await h.call(
      'POST',
      '/examples/bulk',
      `[{"dataset_id":"${id}","inputs":{"q":"a \\"b\\", c\\r\\nd","n":1.0},"outputs":{"a":{"x":[1]}},"metadata":{"k":true}},
        {"dataset_id":"${id}","inputs":{"q":null,"z":"ü"},"split":["s","t"]}]`,
    )
    const answer = await h.call('GET', `/datasets/${id}/csv`)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="dataset-${id}.csv"`)
    expect(answer.text).toBe(
      [
        'id,inputs.q,inputs.n,inputs.z,outputs.a,metadata.k,metadata.dataset_split',
        `${examples[0].id},"a ""b"", c\r\nd",1.0,,"{""x"":[1]}",true,"[""base""]"`,
        `${examples[1].id},,,ü,,,"[""s"",""t""]"`,
        '',
      ].join('\r\n'),
    )
    const again = await upload(
      h,
      '/datasets/upload',
      { text: answer.text },
      {
        input_keys: ['inputs.q', 'inputs.n'],
        input_key_mappings: '{"inputs.q":"q","inputs.n":"n"}',
      },
    )
    expect((await list(h, again.body.id as string))[0]!.inputs).toEqual({
      q: 'a "b", c\r\nd',
      n: '1.0',
    })
    const empty = await h.call('GET', `/datasets/${await makeDataset(h)}/csv`)
    expect(empty).toMatchObject({ status: 200, text: 'id,metadata.dataset_split\r\n' })
  })

  test('CSV holds nothing that a spreadsheet runs, and numbers stay numbers', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const run = `=cmd|' /C calc'!A0`
    const texts = [run, '+1+1', '-1+1', '@SUM(1)', '\t=1', '\r=1', '\n=1', '\uff1d1', '-', '+a']
    const kept = ['-5', '+1.5e3', '-.5', '1-1', "'=1", 'a=b', ' =1', '']
    for (const q of [...texts, ...kept]) {
      await h.call('POST', '/examples', { dataset_id: id, inputs: { q, n: -5, j: [run] } })
    }
    const { text } = await h.call('GET', `/datasets/${id}/csv`)
    const [head, ...lines] = parseCsv(text)
    const column = (name: string): string[] => lines.map((line) => line[head!.indexOf(name)]!)
    expect(column('inputs.q').toReversed()).toEqual([...texts.map((one) => `'${one}`), ...kept])
    expect(new Set(column('inputs.n'))).toEqual(new Set(['-5']))
    expect(new Set(column('inputs.j'))).toEqual(new Set([JSON.stringify([run])]))
    // JSON Lines are for programs, and change nothing.
    expect((await h.call('GET', `/datasets/${id}/jsonl`)).text).toContain(JSON.stringify(run))
  })

  test('JSON Lines have one example per line, digit for digit, however it was sent', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await h.call(
      'POST',
      '/examples',
      `{"dataset_id":"${id}","inputs":{\n"n":1.0,\r\n "b":12345678901234567890},"outputs":null}`,
    )
    await h.call('POST', '/examples', { dataset_id: id, inputs: { t: 'a\nb' }, metadata: { k: 1 } })
    const answer = await h.call('GET', `/datasets/${id}/jsonl`)
    expect(answer.headers['content-type']).toContain('application/jsonl')
    const lines = answer.text.split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toContain('"n":1.0')
    expect(lines[1]).toContain('12345678901234567890')
    expect(lines.slice(0, 2).map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        id: expect.any(String),
        inputs: { t: 'a\nb' },
        outputs: null,
        metadata: { k: 1, dataset_split: ['base'] },
      },
      {
        id: expect.any(String),
        inputs: { n: 1, b: Number('12345678901234567890') },
        outputs: null,
        metadata: { dataset_split: ['base'] },
      },
    ])
    const empty = await h.call('GET', `/datasets/${await makeDataset(h)}/jsonl`)
    expect(empty).toMatchObject({ status: 200, text: '' })
  })

  test('as_of selects the version, by time or tag, across any number of internal pages', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const rows = Array.from({ length: 450 }, (_, i) => ({ dataset_id: id, inputs: { i } }))
    const { body: made } = await h.call('POST', '/examples/bulk', rows)
    await h.call('PUT', `/datasets/${id}/tags`, { as_of: made[0].modified_at, tag: 'all' })
    await h.call('DELETE', `/examples/${made[0].id}`)
    await h.call('PATCH', `/examples/${made[1].id}`, { inputs: { i: 'changed' } })
    const numbers = async (query: string) => {
      const { text } = await h.call('GET', `/datasets/${id}/jsonl?${query}`)
      const lines = text.trim().split('\n')
      return lines.map((line) => (JSON.parse(line) as ExampleBody).inputs.i)
    }
    const all = rows.map(({ inputs }) => inputs.i)
    expect(await numbers('as_of=all')).toEqual(all)
    expect(await numbers(`as_of=${made[0].modified_at}`)).toEqual(all)
    expect(await numbers('')).toEqual(['changed', ...all.slice(2)])
    expect((await h.call('GET', `/datasets/${id}/csv?as_of=all`)).text.split('\r\n')).toHaveLength(
      452,
    )
  })

  test("OpenAI's formats have one conversation per line, whatever shape the example has", async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }]
    const user = { role: 'user', content: 'hi' }
    const shapes: [
      inputs: object,
      outputs: object | null,
      messages: object[],
      ideal: string | null,
    ][] = [
      [
        { messages: [{ role: 'system', content: 's' }, user], tools },
        { message: { role: 'assistant', content: 'yes', extra: 1 } },
        [{ role: 'system', content: 's' }, user, { role: 'assistant', content: 'yes' }],
        'yes',
      ],
      [
        { input: [{ type: 'human', data: { content: 'hi', additional_kwargs: {} } }] },
        { output: { type: 'ai', data: { content: '', additional_kwargs: { tool_calls: calls } } } },
        [user, { role: 'assistant', content: '', tool_calls: calls }],
        '',
      ],
      [
        {
          any: [
            [
              {
                lc: 1,
                type: 'constructor',
                id: ['langchain', 'schema', 'HumanMessage'],
                kwargs: { content: [{ type: 'text', text: 'hi' }] },
              },
            ],
          ],
        },
        {
          any: {
            type: 'ai',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
          },
        },
        [
          { role: 'user', content: [{ type: 'text', text: 'hi' }] },
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
          },
        ],
        'ab',
      ],
      [
        { input: 'hi', other: 1 },
        { answer: 'yes' },
        [user, { role: 'assistant', content: 'yes' }],
        'yes',
      ],
      [
        { a: 1, b: [2] },
        { messages: [] },
        [
          { role: 'user', content: '{"a":1,"b":[2]}' },
          { role: 'assistant', content: '{"messages":[]}' },
        ],
        '{"messages":[]}',
      ],
      [{ question: 'hi' }, null, [user], null],
    ]
    for (const [inputs, outputs] of shapes) {
      await h.call('POST', '/examples', { dataset_id: id, inputs, outputs })
    }
    const lines = async (format: string) => {
      const { text } = await h.call('GET', `/datasets/${id}/${format}`)
      const parsed = text.trim().split('\n')
      return parsed.map((line) => JSON.parse(line) as object).toReversed()
    }
    expect(await lines('openai_ft')).toEqual(
      shapes.map(([inputs, , messages]) => ({
        messages,
        ...('tools' in inputs ? { tools } : {}),
      })),
    )
    expect(await lines('openai')).toEqual(
      shapes.map(([, outputs, messages, ideal]) => ({
        input: outputs === null ? messages : messages.slice(0, -1),
        ideal,
      })),
    )
  })

  test('items of the other dialect are exported as objects', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    await h.call('POST', '/examples', { dataset_id: id, inputs: {} })
    await h.db`
      update examples set inputs = '"question"', outputs = '[1]', metadata = '"note"' where dataset_id = ${id}`
    const { text } = await h.call('GET', `/datasets/${id}/csv`)
    expect(text.split('\r\n')[0]).toBe(
      'id,inputs.input,outputs.output,metadata.metadata,metadata.dataset_split',
    )
    expect(text.split('\r\n')[1]).toMatch(/,question,\[1\],note,"\[""base""\]"$/)
    const tuning = await h.call('GET', `/datasets/${id}/openai_ft`)
    expect(JSON.parse(tuning.text)).toEqual({
      messages: [
        { role: 'user', content: 'question' },
        { role: 'assistant', content: '[1]' },
      ],
    })
  })
})

describe('404 and 422 exports', () => {
  test('unknown datasets and tags, and those of another tenant, are "not found" in lower case', async () => {
    const h = await harness()
    const id = await makeDataset(h)
    const stranger = await h.addTenant()
    for (const format of ['csv', 'jsonl', 'openai', 'openai_ft']) {
      for (const [as, dataset] of [
        [h.tenant, randomUUID()],
        [stranger, id],
      ] as const) {
        const answer = await h.callAs(as, 'GET', `/datasets/${dataset}/${format}`)
        expect(answer).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
      }
      expect(await h.call('GET', `/datasets/${id}/${format}?as_of=nope`)).toMatchObject({
        status: 404,
        body: { detail: 'Dataset version not found' },
      })
      expect((await h.call('GET', `/datasets/nope/${format}`)).status).toBe(422)
    }
    expect(h.errors).toEqual([])
  })
})
