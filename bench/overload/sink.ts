import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * Stands in for the server where the cost of the load alone is measured (bench/overload.ts), in a process that ends with
 * the one that forked it.
 */

if (process.send !== undefined && process.argv[2] === 'sink') {
  const url = await listen(createSink())
  process.send(url)
  process.once('disconnect', () => process.exit())
}

/** Reads requests, and answers each at once. */
export function createSink(): Server {
  return createServer((request, response) => {
    request.resume().once('end', () => response.end())
  })
}

/** @returns its address */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
