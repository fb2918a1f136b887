import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { realDisk } from '../event-store/disk/real-disk.ts'
import { backupStore } from '../event-store/inspect/backup.ts'
import { statStore } from '../event-store/inspect/stat.ts'
import { verifyStore } from '../event-store/inspect/verify.ts'

const number = (value: number) => value.toLocaleString('en')

function openDisk(directory: string) {
  if (!existsSync(directory)) {
    throw new Error(`there is no directory ${directory}: name that of the event store`)
  }
  return realDisk(directory)
}

function stat(directory: string): void {
  const { segments, bytes, events, streams, end } = statStore(openDisk(directory))
  console.log(`segments  ${number(segments)}`)
  console.log(`bytes     ${number(bytes)}`)
  console.log(`events    ${number(events)}`)
  console.log(`streams   ${number(streams)}`)
  console.log(`end       ${end}`)
}

function verify(directory: string): void {
  const report = verifyStore(openDisk(directory))
  for (const { name, frames, events, torn, index } of report.segments) {
    const tail = torn > 0 ? `, ${number(torn)} bytes of an unfinished write at its end` : ''
    console.log(
      `${name}  ${number(frames)} frames, ${number(events)} events, index ${index}${tail}`,
    )
  }
  for (const problem of report.problems) console.error(`problem: ${problem}`)
  console.log(report.problems.length === 0 ? 'all frames are whole' : 'the store is damaged')
  if (report.problems.length > 0) process.exitCode = 1
}

async function backup(directory: string, target: string): Promise<void> {
  const from = openDisk(directory)
  const { segments, bytes, end } = await backupStore(from, realDisk(target))
  console.log(`copied ${number(segments)} segments, ${number(bytes)} bytes, up to position ${end}`)
}

/** `daybook store`: looks after the embedded event store's directory. */
export const storeCommand = new Command('store')
  .description("check, measure and copy the embedded event store's directory")
  .addHelpText(
    'after',
    `
All of them work on a running store and change nothing in it.

To restore a backup, stop the store, verify the copy, and put it where the store was
or set DAYBOOK_STORE_DIRECTORY to it. A read model that is ahead of it has to be rebuilt.`,
  )

storeCommand
  .command('verify')
  .description('read every frame and index; exit code 1 if anything is broken')
  .argument('<directory>', 'the directory of the event store')
  .action(verify)

storeCommand
  .command('stat')
  .description('print segments, bytes, events, streams and where the log ends')
  .argument('<directory>', 'the directory of the event store')
  .action(stat)

storeCommand
  .command('backup')
  .description('copy what was acknowledged so far into an empty directory, checking each frame')
  .argument('<directory>', 'the directory of the event store')
  .argument('<target>', 'an empty directory, which is made if need be')
  .action(backup)
