import { serveEventStore } from '../event-store/serve.ts'
import { portOf } from '../runtime/config.ts'
import { createLogger } from '../runtime/log.ts'
import type { Running } from './serve-api.ts'

/** The embedded event store as a process of its own. */
export const serveStore = (
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Running> => {
  const log = createLogger('store', environment['DAYBOOK_LOG_LEVEL'])
  return serveEventStore({
    directory: environment['DAYBOOK_STORE_DIRECTORY'] ?? '.daybook/event-store',
    host: environment['DAYBOOK_STORE_HOST'] ?? '127.0.0.1',
    port: portOf(environment['DAYBOOK_STORE_PORT'] ?? '2113', 'DAYBOOK_STORE_PORT'),
    log: (level, message, details) => log[level](details ?? {}, message),
  })
}
