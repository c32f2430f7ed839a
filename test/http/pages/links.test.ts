import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { harness } from '../../support/harness.ts'

const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()]

test.each([
  [
    `/o/${a}/datasets/${b}/compare?selectedSessions=${c}`,
    `POST /api/v1/datasets/${b}/runs and {"session_ids": ["${c}"]}`,
  ],
  [
    `/o/${a}/datasets/${b}/compare?selectedSessions=${c}%2C${a}&baseline=undefined`,
    `POST /api/v1/datasets/${b}/runs and {"session_ids": ["${c}","${a}"]}`,
  ],
  [`/o/${a}/datasets/${b}`, `GET /api/v1/datasets/${b}`],
  [`/o/${a}/projects/p/${b}`, `GET /api/v1/sessions/${b}`],
  [`/o/${a}/projects/p/${b}/r/${c}?poll=true`, `GET /api/v1/runs/${c}`],
  [`/public/${a}/d`, `GET /api/v1/public/${a}/datasets`],
  [`/public/${a}/r`, `GET /api/v1/public/${a}/run`],
  [`/project/${a}/traces/${b.replaceAll('-', '')}`, 'GET /api/public/traces/'],
  [`/project/${a}/datasets/${b}/runs/${c}`, `GET /api/public/experiment-items?experimentId=${c}`],
  [`/project/${a}/datasets/${b}/items/item-1`, 'GET /api/public/dataset-items/item-1'],
])('%s, which an SDK prints, says where to read the result', async (url, request) => {
  const h = await harness()
  const answer = await h.app.inject({ method: 'GET', url })
  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
  })
  expect(answer.body).toContain(request)
  expect(answer.body.trim().split('\n')).toHaveLength(1)
})

test('the requests that are named exist', async () => {
  const h = await harness()
  const { paths } = (await h.app.inject('/docs/json')).json<{ paths: Record<string, object> }>()
  const documented = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, 'x')}`,
    ),
  )
  for (const url of [
    '/o/x/datasets/x/compare',
    '/o/x/datasets/x',
    '/o/x/projects/p/x',
    '/o/x/projects/p/x/r/x',
    '/public/x/d',
    '/public/x/r',
    '/project/x/traces/x',
    '/project/x/datasets/x/runs/x',
    '/project/x/datasets/x/items/x',
  ]) {
    const { body } = await h.app.inject({ method: 'GET', url })
    const [request = ''] = /(?:GET|POST) [^ ?,]+/.exec(body) ?? []
    expect(documented, url).toContain(request.replace(/ \/api\/v1/, ' '))
  }
})

test('nothing but an id is repeated, and nothing tells whether it exists', async () => {
  const h = await harness()
  const { body } = await h.call('POST', '/datasets', { name: 'secret' })
  const known = await h.app.inject({ method: 'GET', url: `/o/${a}/datasets/${body.id}` })
  const unknown = await h.app.inject({ method: 'GET', url: `/o/${a}/datasets/${b}` })
  expect(known.body.replace(body.id, b)).toBe(unknown.body)
  const odd = await h.app.inject({
    method: 'GET',
    url: `/o/${a}/datasets/%3Cscript%3E/compare?selectedSessions=%3Cscript%3E`,
  })
  expect(odd.body).not.toContain('<')
  expect(odd.body).toContain('/datasets/{dataset}/runs')
})
