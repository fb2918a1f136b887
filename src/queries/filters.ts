import { sql } from 'kysely'
import Type, { type TObject } from 'typebox'

/** For a list that takes `metadata[key]=value`: its options, which let nothing else pass. */
export const withMetadata = {
  additionalProperties: false,
  patternProperties: {
    '^metadata\\[[A-Za-z0-9_.:-]{1,64}\\]$': Type.String({ maxLength: 1000 }),
  },
} as const

/** Whether a list takes it. */
export const takesMetadata = (schema: TObject): boolean => 'patternProperties' in schema

/** The metadata that are asked for, as JSON; null where none are. */
export const wantedMetadata = (filters: object): string | null => {
  const wanted = Object.entries(filters).flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/.exec(name)?.[1]
    return key === undefined ? [] : [[key, value] as const]
  })
  return wanted.length > 0 ? JSON.stringify(Object.fromEntries(wanted)) : null
}

/** Rows without any metadata are not in the index. */
export const hasMetadata = (wanted: string) =>
  sql<boolean>`metadata <> '{}' and metadata @> ${wanted}::jsonb`

/**
 * Said of a query that is planned anew each time: how many rows a filter leaves depends on its value
 * so much that one plan cannot serve all.
 */
export const plannedByValues = '/* planned by values */'

/**
 * A value that the planner does not see. A statement that comes again is planned once for all values,
 * unless plans for those that it came with promise to be cheaper; a place near the end of a list does,
 * and Postgres would plan each time.
 */
export const unseen = (value: unknown, type: string) => sql`(select ${value}::${sql.raw(type)})`

type Shown = {
  readonly page?: number
  readonly limit?: number
  readonly cursor?: string
  readonly sort?: string
  readonly expand?: string
}

/** Of a list's parameters those that say which rows it has, not how they are shown. */
export const filtersOf = <Parameters extends Shown>({
  page: _,
  limit: __,
  cursor: ___,
  sort: ____,
  expand: _____,
  ...filters
}: Parameters) => filters

/** Whether nothing is filtered by. */
export const isWhole = (filters: object): boolean => Object.keys(filters).length === 0

/** What is filtered by, without its operators and keys: `created_at`, `metadata`. */
export const filteredBy = (filters: object): Set<string> =>
  new Set(Object.keys(filters).map((name) => name.replace(/\[.*/, '')))
