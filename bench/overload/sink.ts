import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * Stands in for the server where the cost of the load alone is measured (bench/overload.ts): reads requests and answers
 * each at once. It ends with the process that forked it.
 */

const server = createServer((request, response) => {
  request.resume().once('end', () => response.end())
})
server.listen(0, '127.0.0.1', () => {
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.once('disconnect', () => process.exit())
