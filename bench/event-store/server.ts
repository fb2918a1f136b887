import { serveEventStore } from '../../src/event-store/serve.ts'

/** The server of the benchmark, in a process of its own as in life. */
const server = await serveEventStore({ directory: String(process.argv[2]), port: 0 })
process.send?.(server.port)
process.on('SIGTERM', () => {
  void server.close().then(() => process.exit(0))
})
