import { Command } from 'commander'
import type { FailureResource, ProjectionResource, SkipResource } from '../queries/projections.ts'
import { findBook } from './books.ts'
import { type Client, createClient } from './client.ts'
import { counted, followOperation, type Operation } from './follow-operation.ts'
import { urlOption } from './rebuild.ts'
import { UserError } from './report-failure.ts'
import { findSession } from './session.ts'

type Urled = { readonly url?: string }

const pathOf = (projection: string): string => `/v1/projections/${encodeURIComponent(projection)}`
const clientOf = async ({ url }: Urled): Promise<Client> => createClient(await findSession(url))

/** `daybook projections`: how far read models are, what halts them, and what to do about it. */
export const projectionsCommand = new Command('projections').description(
  'see how far read models are, compare and mend them',
)

projectionsCommand
  .command('list')
  .description('how far each projection is, what halts it or was left out, and its latest builds')
  .option(...urlOption)
  .action(async (options: Urled) => {
    const client = await clientOf(options)
    const { data } = await client.get('/v1/projections')
    for (const one of data as ProjectionResource[]) {
      const { name, version, schema, books, events, behind, rate, halted } = one
      console.log(`${name} version ${version}, live: ${schema ?? 'none yet'}`)
      const late = behind === null ? '? books' : counted(behind, 'book')
      console.log(`  ${counted(books, 'book')}, ${counted(events, 'event')}, ${late} behind`)
      console.log(`  ${Math.round(rate ?? 0)} events/s, ${lagOf(one)}, ${halted} halted`)
      if (halted > 0) await listFailures(client, name)
      await listSkips(client, name)
    }
    const latest = await client.get('/v1/operations?limit=10')
    for (const operation of latest.data as Operation[]) console.log(lineOf(operation))
  })

const lagOf = ({ lag, lag_seconds }: ProjectionResource): string =>
  lag === null ? 'lag unknown' : `lag ${counted(lag, 'event')} (${(lag_seconds ?? 0).toFixed(1)} s)`

const listFailures = async (client: Client, name: string): Promise<void> => {
  const { data } = await client.get(`${pathOf(name)}/failures`)
  for (const { book_id, revision, error } of data as FailureResource[]) {
    console.log(`  book ${book_id} stands still at revision ${revision}: ${error}`)
  }
}

const listSkips = async (client: Client, name: string): Promise<void> => {
  const { data } = await client.get(`${pathOf(name)}/skips`)
  for (const { book_id, revision, reason, skipped_by, skipped_at } of data as SkipResource[]) {
    console.log(`  book ${book_id} goes without revision ${revision}: ${reason}`)
    console.log(`    by order of ${skipped_by} at ${skipped_at}`)
  }
}

const lineOf = ({ id, kind, schema, stage, state, progress }: Operation): string => {
  const { events_done, events_total } = progress
  const done = events_total === null ? '' : `, ${events_done} of ${events_total} events`
  return `${kind} ${id} into ${schema}: ${stage} (${state}${done})`
}

projectionsCommand
  .command('diff')
  .description('fold everything anew and compare it with the live build, row by row')
  .argument('<projection>')
  .option(...urlOption)
  .action(async (projection: string, options: Urled) => {
    const client = await clientOf(options)
    const { data } = await client.post(`${pathOf(projection)}/rebuild`, { kind: 'diff' })
    await followOperation(client, data as Operation, `Comparing ${projection}`)
  })

projectionsCommand
  .command('retry')
  .description('try the event at which a book stands still again, now')
  .argument('<projection>')
  .argument('<book>', 'name or id of the book')
  .option(...urlOption)
  .action(async (projection: string, book: string, options: Urled) => {
    const client = await clientOf(options)
    const id = await findBook(client, book)
    await client.post(`${pathOf(projection)}/failures/${id}/retry`, undefined)
    console.log('It is tried within a second. See: daybook projections list')
  })

projectionsCommand
  .command('skip')
  .description('leave the event at which a book stands still out of the projection for good')
  .argument('<projection>')
  .argument('<book>', 'name or id of the book')
  .requiredOption('--reason <text>', 'why; kept with who did it and when')
  .option(...urlOption)
  .action(async (projection: string, book: string, options: Urled & { reason: string }) => {
    const { reason } = options
    const client = await clientOf(options)
    const id = await findBook(client, book)
    await client.post(`${pathOf(projection)}/failures/${id}/skip`, { reason })
    console.log('The book goes on without it within a second. See: daybook projections list')
  })

projectionsCommand
  .command('rollback')
  .description('go back to the build that was live before')
  .argument('<projection>')
  .option(...urlOption)
  .action(async (projection: string, options: Urled) => {
    const client = await clientOf(options)
    const { data } = await client.post(`${pathOf(projection)}/rollback`, undefined)
    await followOperation(client, data as Operation, `Going back with ${projection}`)
  })

const isAtWork = ({ state }: Operation): boolean => ['running', 'paused'].includes(state)

/** Whether a build was live before the one that is, or is of a version that came before. */
const isUnused = async (client: Client, projection: string) => {
  const { data } = await client.get('/v1/projections')
  const known = (data as ProjectionResource[]).find(({ name }) => name === projection)
  return ({ stage, version }: Operation): boolean =>
    stage === 'retired' || (stage === 'live' && version < (known?.version ?? 0))
}

const changes = {
  pause: 'stop work at a build for a while',
  resume: 'go on with a paused build',
  cancel: 'give up a build that is not live',
  drop: 'drop the build that was live before, or that of a version before',
} as const

for (const [change, description] of Object.entries(changes)) {
  projectionsCommand
    .command(change)
    .description(description)
    .argument('<projection>')
    .option(...urlOption)
    .action(async (projection: string, options: Urled) => {
      const client = await clientOf(options)
      const { data } = await client.get('/v1/operations?limit=200')
      const isMeant = change === 'drop' ? await isUnused(client, projection) : isAtWork
      const operation = (data as Operation[]).find(
        (one) => one.projection === projection && isMeant(one),
      )
      if (!operation) {
        const reason = `There is no build of ${projection} to ${change}.`
        throw new UserError(`${reason} See: daybook projections list`)
      }
      const { data: changed } = await client.post(
        `/v1/operations/${operation.id}/${change}`,
        undefined,
      )
      console.log(lineOf(changed as Operation))
    })
}
