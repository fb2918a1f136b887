import { Command, InvalidArgumentError } from 'commander'
import { findBook } from './books.ts'
import { type ClientOptions, createClient } from './client.ts'
import { followOperation, type Operation } from './follow-operation.ts'
import { findSession } from './session.ts'

type Options = {
  readonly book?: readonly string[]
  readonly mayDiffer?: true
  readonly keep: number
  readonly detach?: true
  readonly url?: string
}

const toMinutes = (text: string): number => {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Give minutes, e.g. 15.')
  return Number(text)
}

export const urlOption = [
  '--url <url>',
  'where Daybook is (DAYBOOK_URL, else the last login)',
] as const

export const rebuildCommand = new Command('rebuild')
  .description(
    'Build a projection anew, beside the live one, and let it go live once it is verified',
  )
  .argument('<projection>', 'e.g. ledger')
  .option(
    '--book <name or id...>',
    'fold only these books, and copy what the live build has of the others',
  )
  .option('--may-differ', 'go live though the live build of the same version has other rows')
  .option('--keep <minutes>', 'how long a rollback stays possible', toMinutes, 15)
  .option('--detach', 'only start it')
  .option(...urlOption)
  .addHelpText(
    'after',
    `
Readers and writers go on meanwhile. Ctrl-C ends this command and not the rebuild:
  daybook projections list                 where it stands
  daybook projections pause|resume|cancel  stops it for a while, or for good
  daybook projections rollback             goes back to the build that was live before`,
  )
  .action(async (projection: string, { book, mayDiffer, keep, detach, url }: Options) => {
    const session: ClientOptions = await findSession(url)
    const client = createClient(session)
    const books = book && (await Promise.all(book.map((one) => findBook(client, one))))
    const { data } = await client.post(
      `/v1/projections/${encodeURIComponent(projection)}/rebuild`,
      {
        ...(books && { books }),
        ...(mayDiffer && { may_differ: true }),
        keep_seconds: keep * 60,
      },
    )
    const operation = data as Operation
    console.error(`Operation ${operation.id}, schema ${operation.schema}`)
    if (!detach) await followOperation(client, operation, `Rebuilding ${projection}`)
  })
