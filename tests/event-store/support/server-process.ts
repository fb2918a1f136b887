import { serveEventStore } from '../../../src/event-store/serve.ts'

/** A server in a process of its own, to be killed. Tells its parent the port. */
const server = await serveEventStore({
  directory: String(process.argv[2]),
  port: 0,
  log: (level, message) => process.send?.({ level, message }),
})
process.send?.({ port: server.port })
process.on('SIGTERM', () => {
  void server.close().then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(1))
