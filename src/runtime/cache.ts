import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { circuit } from './circuit.ts'
import type { Logger } from './log.ts'

/** A tag as it stands in Redis: the revision that last changed what it names, and a nonce. */
type Tag = string

export type TagCache = {
  /** Sets each tag to the revision unless it is there already. False if Redis did not take it. */
  readonly raise: (tags: readonly string[], revision: number) => Promise<boolean>
  /** Gives each tag a value that was never used, when it is next read. False like `raise`. */
  readonly forget: (tags: readonly string[]) => Promise<boolean>
  /** The tags' values, made up where missing; null if Redis is away. */
  readonly read: (tags: readonly string[]) => Promise<readonly Tag[] | null>
  readonly get: (key: string) => Promise<string | null>
  /** Nobody waits for it. */
  readonly set: (key: string, value: string, milliseconds: number) => void
}

const raiseScript = `
for _, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  local revision = value and tonumber(string.match(value, '^-?%d+')) or -1
  if revision < tonumber(ARGV[1]) then redis.call('SET', key, ARGV[1] .. ':' .. ARGV[2]) end
end`

// A tag that is missing is a miss, never a zero: what was cached under its former value must not
// come to life again, not even when an old revision is raised late. So it gets a value that was
// never used, below every revision.
const readScript = `
local values = redis.call('MGET', unpack(KEYS))
for index, key in ipairs(KEYS) do
  if not values[index] then
    values[index] = '-1:' .. ARGV[1]
    redis.call('SET', key, values[index])
  end
end
return values`

const newNonce = (): string => randomBytes(8).toString('base64url')

type Scripted = Redis & {
  raiseTags: (count: number, ...args: (string | number)[]) => Promise<unknown>
  readTags: (count: number, ...args: string[]) => Promise<string[]>
}

/**
 * A tag as it is kept. Builds are not equally far, and one may have folded what the log has lost. So
 * each has tags of its own: those of one would promise what another does not show.
 */
export const tagOf = (build: number, tag: string): string => `${build}:${tag}`

/** All answers of a build have this tag. It is forgotten when another goes live in its place. */
export const liveTag = 'live'

/** Highest revision a tag stands for. */
export const revisionOf = (tag: Tag): number => Number(tag.slice(0, tag.indexOf(':')))

/** Tags and answers in Redis. Whatever goes wrong with it costs a miss, never a request. */
export const tagCache = (redis: Redis, log: Logger): TagCache => {
  redis.defineCommand('raiseTags', { lua: raiseScript })
  redis.defineCommand('readTags', { lua: readScript })
  const scripted = redis as Scripted
  const tried = circuit(redis, log)

  const load = async (keys: readonly string[]): Promise<readonly Tag[]> => {
    const values = await redis.mget([...keys])
    // Almost always all are there, and running a script costs Redis several times as much.
    if (values.every((value) => value !== null)) return values as Tag[]
    // All once more: read apart from each other they would not belong to one moment, and the book's
    // could promise what an account's does not show yet.
    return scripted.readTags(keys.length, ...keys, newNonce())
  }

  return {
    raise: async (tags, revision) => {
      if (tags.length === 0) return true
      const last = [revision, newNonce()]
      const raised = await tried(() =>
        scripted.raiseTags(tags.length, ...tags.map(keyOf), ...last).then(() => true),
      )
      return raised ?? false
    },
    forget: async (tags) => {
      const forgotten = await tried(() => redis.del(...tags.map(keyOf)).then(() => true))
      return forgotten ?? false
    },
    read: gathered((keys) => tried(() => load(keys))),
    get: (name) => tried(() => redis.get(name)),
    set: (name, value, milliseconds) => {
      void tried(() => redis.set(name, value, 'PX', milliseconds))
    },
  }
}

const keyOf = (tag: string): string => `tag:${tag}`

type Load = (keys: readonly string[]) => Promise<readonly Tag[] | null>
type Batch = {
  /** The place of each tag among the keys. */
  readonly places: Map<string, number>
  readonly keys: string[]
  readonly values: Promise<readonly Tag[] | null>
}

const maxKeys = 500

/**
 * While one command is under way, all that is asked for gathers for the next: a write to a socket
 * costs more than all the rest of a cached read. So tags are read after the request has come, as
 * they must be, and at most one answer later.
 */
const gathered = (load: Load): TagCache['read'] => {
  let batch: Batch | null = null
  let before: Promise<unknown> = Promise.resolve()

  const open = (): Batch => {
    const keys: string[] = []
    const send = () => {
      if (batch === opened) batch = null
      return load(keys)
    }
    const values = Promise.all([before, turnOver()]).then(send)
    before = values
    const opened: Batch = { places: new Map(), keys, values }
    return opened
  }

  return async (tags) => {
    if (!batch || batch.keys.length >= maxKeys) batch = open()
    const { places, keys, values } = batch
    const wanted = tags.map((tag) => {
      const known = places.get(tag)
      if (known !== undefined) return known
      places.set(tag, keys.length)
      return keys.push(keyOf(tag)) - 1
    })
    const found = await values
    return found && wanted.map((place) => found[place] as Tag)
  }
}

/** Once everything that has come in by now has been taken up. */
const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
