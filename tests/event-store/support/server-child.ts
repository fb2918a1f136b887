import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { EventStoreDBClient } from '@eventstore/db-client'

const program = fileURLToPath(new URL('./server-process.js', import.meta.url))

export type ServerChild = {
  child: ChildProcess
  client: EventStoreDBClient
  /** What it reported, as `level: message`. */
  reports: string[]
  /** Ends it with a signal, and waits until it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

/** Starts a server in a process of its own. */
export async function startServer(directory: string): Promise<ServerChild> {
  const child = fork(program, [directory], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const reports: string[] = []
  const port = await new Promise<number>((resolve, reject) => {
    child.on('message', (message: { port?: number; level?: string; message?: string }) => {
      if (message.port !== undefined) resolve(message.port)
      else reports.push(`${message.level}: ${message.message}`)
    })
    child.once('exit', () => reject(new Error(`the server ended: ${reports.join('; ')}`)))
  })
  const client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=false`)
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
    await client.dispose()
    return child.exitCode
  }
  return { child, client, reports, end }
}
