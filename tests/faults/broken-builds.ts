import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from './schedule.ts'
import type { PartName } from './system.ts'

/** Daybook with one thing taken out that keeps it safe, as the harness has to notice. */
export type BrokenBuild = {
  readonly name: string
  readonly what: string
  readonly patches: readonly Patch[]
  /** Faults under which it shows. */
  readonly focus: readonly Fault[]
  /** How long a whole build may take to serve again after these; 4 s if left out. */
  readonly recoveryMs?: number
  /** Kinds of failure that say so; one is enough. */
  readonly caughtBy: readonly string[]
}

type Patch = { readonly file: string; readonly from: string; readonly to: string }

const kill = (...targets: PartName[]): Fault => ({ kind: 'kill', targets })
const cut = (target: string, ms: number): Fault => ({ kind: 'cut', targets: [target], ms })
const freezeApi: Fault = { kind: 'freeze', targets: ['api-1'], ms: 600 }

const writer = 'commands/book-writer.js'
const applyPage = 'runtime/projections/apply-page.js'

export const brokenBuilds: readonly BrokenBuild[] = [
  {
    name: 'no-fsync',
    what:
      'The store answers before its bytes are durable. What a power failure would lose is lost ' +
      'here at kill -9: writes stay in the process for up to half a second.',
    patches: [
      {
        file: 'event-store/disk/real-disk.js',
        from: 'class RealFile {',
        to: 'class RealFile {\n    unsynced = [];',
      },
      {
        file: 'event-store/disk/real-disk.js',
        from: `    write(from, offset) {
        let done = 0;`,
        to: `    write(from, offset) {
        this.unsynced.push([Buffer.from(from), offset]);
        this.timer ??= setTimeout(() => {
            this.timer = undefined;
            for (const [bytes, at] of this.unsynced.splice(0)) this.writeNow(bytes, at);
        }, 500);
    }
    writeNow(from, offset) {
        let done = 0;`,
      },
      {
        file: 'event-store/disk/real-disk.js',
        from: `        return done;
    }
    write(`,
        to: `        for (const [bytes, at] of this.unsynced) {
            const start = Math.max(at, offset);
            const end = Math.min(at + bytes.length, offset + into.length);
            if (start >= end) continue;
            bytes.copy(into, start - offset, start - at, end - at);
            done = Math.max(done, end - offset);
        }
        return done;
    }
    write(`,
      },
      {
        file: 'event-store/disk/real-disk.js',
        from: '        return new Promise((resolve, reject) => {\n            fs.fdatasync',
        to: '        return Promise.resolve();\n        return new Promise((resolve, reject) => {\n            fs.fdatasync',
      },
    ],
    focus: [kill('store')],
    caughtBy: ['lost', 'refusal', 'halted', 'read', 'not final'],
  },
  {
    name: 'no-wake-ups-no-sweep',
    what: 'Wake-ups are lost, and no sweep finds what they missed.',
    patches: [
      {
        file: 'runtime/jobs.js',
        from: 'wake: (bookId, events) => {',
        to: 'wake: (bookId, events) => {\nreturn;',
      },
      {
        file: 'runtime/projections/sweep.js',
        from: 'await sweep(projecting, build, scan);',
        to: '',
      },
    ],
    focus: [{ kind: 'flush', targets: ['queue'] }],
    caughtBy: ['behind'],
  },
  {
    name: 'checkpoint-apart',
    what: 'The checkpoint is written before the rows, outside their transaction.',
    patches: [
      {
        file: applyPage,
        from: 'await loadMissing(client, build, missingOf(build, page, set), set);',
        to: `await loadMissing(client, build, missingOf(build, page, set), set);
    {
        const last = events.at(-1);
        await db.query(\`update \${build.schema}.checkpoint
       set revision = $2, event_hash = $3, position = $4, updated_at = $5 where book_id = $1\`, [bookId, last.revision, last.metadata.hash, page.position, last.metadata.recorded_at]);
    }`,
      },
      {
        file: applyPage,
        from: '        where book_id = $1\n      ), mended',
        to: '        where book_id = $1 and false\n      ), mended',
      },
      { file: applyPage, from: 'and epoch = $4 for update`', to: 'and epoch = $4`' },
    ],
    focus: [kill('worker-1', 'worker-2'), kill('postgres')],
    caughtBy: ['row', 'behind', 'halted', 'read'],
  },
  {
    name: 'no-idempotency',
    what: 'A key that was used before is not recognised.',
    patches: [
      {
        file: 'commands/decide-group.js',
        from: "const used = key && eventOf({ kind: 'key', key: keyScope(actor, key.route, key.value) });",
        to: 'const used = null;',
      },
    ],
    focus: [cut('client -> api-1', 300), cut('client -> api-2', 300)],
    caughtBy: ['twice'],
  },
  {
    name: 'refusals-without-tail',
    what: 'A group that stores nothing is answered without a look at the end of the stream.',
    patches: [
      // Two processes that both write a book, as they may at any time, meet this sooner.
      {
        file: 'runtime/fleet/forward.js',
        from: 'if (holder === null)',
        to: 'if (holder !== undefined)',
      },
      {
        file: writer,
        from: "return isHead(await log.head(bookId), committed.now()) ? 'stands' : 'outrun';",
        to: "return 'stands';",
      },
    ],
    focus: [freezeApi],
    caughtBy: ['stale', 'refusal'],
  },
  {
    name: 'refusals-before-append',
    what: 'Refusals are answered before the append of their group.',
    patches: [
      {
        file: writer,
        from: '                const fate = await commit(decided);',
        to: `                for (const [index, outcome] of decided.outcomes.entries()) {
                    if (outcome.kind === 'refused') atHand[index]?.resolve(outcome);
                }
                const fate = await commit(decided);`,
      },
    ],
    focus: [kill('store'), cut('api-1 -> store', 500), freezeApi],
    caughtBy: ['refusal', 'not final', 'stale'],
  },
  {
    name: 'no-fence',
    what: 'Appends do not say which revision they expect.',
    patches: [
      {
        file: 'runtime/append-request.js',
        from: 'options.setStreamPosition(String(expected));',
        to: 'options.setAny(new shared.Empty());',
      },
    ],
    focus: [freezeApi],
    caughtBy: ['chain'],
  },
  {
    name: 'deaf-to-postgres',
    what: 'Nobody listens for the end of a database connection that is in use.',
    patches: [
      {
        file: 'runtime/postgres.js',
        from: "pool.on('connect', (client) => client.on('error', () => { }));",
        to: '',
      },
    ],
    focus: [kill('postgres')],
    caughtBy: ['died'],
  },
  {
    name: 'no-query-timeout',
    what: 'Database connections that lead nowhere are kept.',
    patches: [{ file: 'runtime/postgres.js', from: 'query_timeout: statementMs + 500,', to: '' }],
    focus: [{ kind: 'hole', targets: ['api-1 -> postgres', 'api-2 -> postgres'], ms: 1_500 }],
    recoveryMs: 20_000,
    caughtBy: ['recovery'],
  },
  {
    name: 'forgotten-tags',
    what: "An account's cache tag is never raised, only its book's.",
    patches: [
      {
        file: 'runtime/projections/advance.js',
        from: 'raiseTags(projecting.cache, build, tags, revision)',
        to: "raiseTags(projecting.cache, build, tags.filter((tag) => tag.startsWith('book:')), revision)",
      },
    ],
    focus: [freezeApi],
    caughtBy: ['read'],
  },
  {
    name: 'no-deadline',
    what: 'Nothing ends the wait of a writer whose store says nothing.',
    patches: [
      { file: writer, from: 'after(answerWithin, ', to: 'after(2 ** 30, ' },
      {
        file: writer,
        from: 'if (isSettling)\n            return rejectWith',
        to: 'if (false)\n            return rejectWith',
      },
    ],
    focus: [{ kind: 'freeze', targets: ['store'], ms: 18_000 }],
    caughtBy: ['hung'],
  },
]

/** A copy of the compiled program with the patches applied; answers its main module. */
export const breakBuild = (
  dist: string,
  target: string,
  { name, patches }: Pick<BrokenBuild, 'name' | 'patches'>,
): string => {
  const root = join(dist, '..')
  // Mutants come and go there while other tests run.
  const filter = (path: string) => !path.includes('.mutant-')
  cpSync(join(dist, 'src'), join(target, 'dist', 'src'), { recursive: true, filter })
  cpSync(join(root, 'package.json'), join(target, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'))
  for (const { file, from, to } of patches) {
    const path = join(target, 'dist', 'src', file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) {
      throw new Error(
        `${name}: ${file} has this text ${text.split(from).length - 1} times:\n${from}`,
      )
    }
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }
  return join(target, 'dist', 'src', 'main.js')
}
