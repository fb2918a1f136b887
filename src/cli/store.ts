import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { realDisk } from '../event-store/disk/real-disk.ts'
import { backupStore } from '../event-store/inspect/backup.ts'
import { type StoreReport, verifyStore } from '../event-store/inspect/walk.ts'

const number = (value: number) => value.toLocaleString('en')

function openDisk(directory: string) {
  if (!existsSync(directory)) {
    throw new Error(`there is no directory ${directory}: name that of the event store`)
  }
  return realDisk(directory)
}

function printTotals({ segments, streams }: StoreReport): void {
  const sum = (of: (segment: StoreReport['segments'][number]) => number) =>
    number(segments.reduce((total, segment) => total + of(segment), 0))
  console.log(`segments   ${number(segments.length)}`)
  console.log(`bytes      ${sum(({ bytes }) => bytes)}`)
  console.log(`frames     ${sum(({ frames }) => frames)}`)
  console.log(`events     ${sum(({ events }) => events)}`)
  console.log(`streams    ${number(streams)}`)
  console.log(`end        ${segments.at(-1)?.end ?? 0}`)
}

function verify(directory: string): void {
  const report = verifyStore(openDisk(directory))
  for (const { name, frames, events, torn, index } of report.segments) {
    const tail = torn > 0 ? `, ${number(torn)} bytes of an unfinished write at its end` : ''
    console.log(
      `${name}  ${number(frames)} frames, ${number(events)} events, index ${index}${tail}`,
    )
  }
  printTotals(report)
  for (const problem of report.problems) console.error(`problem    ${problem}`)
  console.log(report.problems.length === 0 ? 'all frames are whole' : 'the store is damaged')
  if (report.problems.length > 0) process.exitCode = 1
}

async function backup(directory: string, target: string): Promise<void> {
  const from = openDisk(directory)
  const { segments, bytes, end } = await backupStore(from, realDisk(target))
  console.log(`copied ${number(segments)} segments, ${number(bytes)} bytes, up to position ${end}`)
}

/** `daybook store`: looks after the embedded event store's directory. */
export const storeCommand = new Command('store').description(
  "check, measure and copy the embedded event store's directory",
)

storeCommand
  .command('verify')
  .description('read every frame, also of a running store; changes nothing')
  .argument('<directory>', 'the directory of the event store')
  .action(verify)

storeCommand
  .command('stat')
  .description('print how much a store holds')
  .argument('<directory>', 'the directory of the event store')
  .action((directory: string) => printTotals(verifyStore(openDisk(directory))))

storeCommand
  .command('backup')
  .description('copy a store, also a running one, into an empty directory')
  .argument('<directory>', 'the directory of the event store')
  .argument('<target>', 'an empty directory, which is made if need be')
  .action(backup)
