import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WorkerConfig } from '../runtime/config.ts'
import type { Running } from './serve-api.ts'

/** What stands still at one event goes on elsewhere: that is worse than before, and not down. */
const readiness = (halted: number): string => {
  const status = halted === 0 ? 'up' : 'degraded'
  return JSON.stringify({ status, parts: { projections: status }, halted })
}

/** A worker's own small server: whether it lives, what stands still, and its metrics. */
export const serveStatus = async (
  { host, port }: Pick<WorkerConfig, 'host' | 'port'>,
  metrics: () => Promise<string>,
  halted: () => Promise<number>,
): Promise<Running> => {
  const server = createServer((request, response) => {
    const answer = async (): Promise<[number, string]> => {
      if (request.url === '/health/live') return [200, '{"status":"up"}']
      if (request.url === '/health/ready') return [200, readiness(await halted())]
      if (request.url === '/metrics') return [200, await metrics()]
      return [404, 'A worker has /metrics, /health/live and /health/ready.']
    }
    answer().then(
      ([status, body]) => response.writeHead(status).end(body),
      () => response.writeHead(500).end(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
