import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { EventStoreDBClient } from '@eventstore/db-client'

const program = fileURLToPath(new URL('./server-process.js', import.meta.url))

export type ServerChild = {
  child: ChildProcess
  port: number
  client: EventStoreDBClient
  /** What it reported, as `level: message`. */
  reports: string[]
  /** Ends it with a signal, and waits until it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

const namespace = ['--user', '--map-root-user', '--mount']

/** Whether this machine lets its users mount a small disk of their own. */
export const canMount = (): boolean =>
  spawnSync('unshare', [...namespace, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

/** Starts a server in a process of its own. */
export const startServer = (directory: string): Promise<ServerChild> =>
  start(process.execPath, [program, directory])

/** Starts one on a disk of so many MiB that ends with it, a file named ballast on it. */
export const startOnSmallDisk = (
  directory: string,
  size: number,
  ballast: number,
): Promise<ServerChild> => {
  const script = `mount -t tmpfs -o size=${size}m tmpfs "$3" &&
    head -c ${ballast}M /dev/zero > "$3/ballast" && exec "$@"`
  return start('unshare', [
    ...namespace,
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    program,
    directory,
  ])
}

async function start(command: string, args: readonly string[]): Promise<ServerChild> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
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
  return { child, port, client, reports, end }
}
