import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'

/** A tag as it stands in Redis: the revision that last changed what it names, and a nonce. */
type Tag = string

export type TagCache = {
  /** Sets each tag to the revision unless it is there already. False if Redis did not take it. */
  readonly raise: (tags: readonly string[], revision: number) => Promise<boolean>
  /** The tags' values, made up where missing; null if Redis is away. */
  readonly read: (tags: readonly string[]) => Promise<readonly Tag[] | null>
  readonly get: (key: string) => Promise<string | null>
  readonly set: (key: string, value: string, milliseconds: number) => Promise<void>
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

/** Highest revision a tag stands for. */
export const revisionOf = (tag: Tag): number => Number(tag.slice(0, tag.indexOf(':')))

/** Tags and answers in Redis. Whatever goes wrong with it costs a miss, never a request. */
export const tagCache = (redis: Redis): TagCache => {
  redis.defineCommand('raiseTags', { lua: raiseScript })
  redis.defineCommand('readTags', { lua: readScript })
  const scripted = redis as Scripted
  const key = (tag: string) => `tag:${tag}`

  return {
    raise: async (tags, revision) => {
      try {
        const last = [revision, newNonce()]
        if (tags.length > 0) await scripted.raiseTags(tags.length, ...tags.map(key), ...last)
        return true
      } catch {
        return false
      }
    },
    read: async (tags) => {
      try {
        const keys = tags.map(key)
        const values = await redis.mget(keys)
        // Almost always all are there, and running a script costs Redis several times as much.
        if (values.every((value) => value !== null)) return values
        return await scripted.readTags(keys.length, ...keys, newNonce())
      } catch {
        return null
      }
    },
    get: async (name) => {
      try {
        return await redis.get(name)
      } catch {
        return null
      }
    },
    set: async (name, value, milliseconds) => {
      try {
        await redis.set(name, value, 'PX', milliseconds)
      } catch {
        // The next reader finds nothing and asks Postgres.
      }
    },
  }
}
