import type { Harness } from '../support/harness.ts'
import { pathParameter, routeRequests, type RouteRequest } from '../support/route-requests.ts'
import type { SeededTenant } from '../support/seeded-tenant.ts'
import { insertKey, type TestTenant } from '../support/tenant.ts'

export interface Sent {
  status: number
  text: string
  /** Returns everything that the request said. */
  asked: string
}

/** Sends the request of a route, and waits until what it wrote is applied. */
export async function send(
  h: Harness,
  route: string,
  { path = {}, query = {}, body, form }: RouteRequest,
  theirs: SeededTenant,
  headers: Record<string, string>,
): Promise<Sent> {
  const [method, template] = route.split(' ') as ['GET', string]
  const pathname = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? pathParameter(route, name, theirs)),
  )
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  )
  const search = new URLSearchParams(pairs).toString()
  const url = search === '' ? pathname : `${pathname}?${search}`
  const payload = form?.payload ?? (body === undefined ? undefined : JSON.stringify(body))
  const type = form?.type ?? (body === undefined ? undefined : 'application/json')
  const answer = await h.app.inject({
    method,
    url,
    headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
    ...(payload === undefined ? {} : { payload }),
  })
  await h.drain()
  const asked = decodeURIComponent(url).replaceAll('+', ' ') + (payload?.toString() ?? '')
  return { status: answer.statusCode, text: answer.body, asked }
}

/** Returns the headers that send a key in the way of the route's dialect. */
export function keyOf(
  route: string,
  key: Pick<TestTenant, 'basic' | 'secretKey'>,
): Record<string, string> {
  return route.includes('/api/public')
    ? { authorization: key.basic }
    : { 'x-api-key': key.secretKey }
}

/** Makes what returns the headers for a request of the tenant, with the least key that may send it. */
export async function keysOf(
  h: Harness,
  { tenant }: SeededTenant,
): Promise<(route: string, request: RouteRequest) => Record<string, string>> {
  const admin = await insertKey(h.db, tenant.id, ['read', 'write', 'admin'])
  return (route, { isAdmin }) => (isAdmin === true ? { 'x-api-key': admin } : keyOf(route, tenant))
}

export function requestsOf(route: string, theirs: SeededTenant, own: SeededTenant): RouteRequest[] {
  return [routeRequests[route]!(theirs, own)].flat()
}
