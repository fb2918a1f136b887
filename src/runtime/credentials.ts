import { hash, verify } from '@node-rs/argon2'
import { derivedId } from '../domain/ids.ts'
import { refuse } from '../domain/rejection.ts'
import { type PageParameters, paged, paging, type Sign } from '../queries/page.ts'
import type { Envelope } from '../queries/query.ts'
import { countRows } from './count-rows.ts'
import { type Database, inTransaction, orUnavailable } from './postgres.ts'

export type Credentials = {
  /** The user with this e-mail and password; null if there is none. */
  readonly authenticate: (
    email: string,
    password: string,
  ) => Promise<{ id: string; role: User['role'] } | null>
  readonly users: {
    /** Null if the e-mail is taken. */
    readonly add: (email: string, password: string) => Promise<User | null>
    readonly find: (id: string) => Promise<User | null>
    readonly list: (parameters: PageParameters) => Promise<Envelope<User[]>>
  }
}

type User = {
  readonly id: string
  readonly email: string
  readonly role: 'admin' | 'user'
  readonly created_at: string
}

/** Hashing takes 30 ms of a core each: so many at once, so many in wait, and no more. */
const maxAtOnce = 2
const maxWaiting = 50

/** Passwords cannot be rebuilt from events, so they live in a schema of their own. */
const prepare = (pool: Database): Promise<unknown> =>
  inTransaction(pool, 'begin', async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('daybook schema'))`)
    await client.query(`
      create schema if not exists vault;
      create table if not exists vault.credential (
        user_id uuid primary key, email text not null unique, password_hash text not null,
        role text not null, created_at timestamptz not null default now())`)
  })

export const openCredentials = async (
  pool: Database,
  sign: Sign,
  admin: { readonly email: string; readonly password: string } | null,
): Promise<Credentials> => {
  await prepare(pool)
  const users = usersOf(pool, sign)
  if (admin) await addAdmin(pool, admin)
  const nobodysHash = hash('a password that nobody has')
  let running = 0
  const waiting: (() => void)[] = []

  const limited = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (running >= maxAtOnce) {
      if (waiting.length >= maxWaiting) refuse('overloaded', 'Too many log in at once. Try again.')
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    running++
    try {
      return await run()
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  const authenticate: Credentials['authenticate'] = async (email, password) => {
    const { rows } = await pool.query(
      'select user_id as id, password_hash, role from vault.credential where email = lower($1)',
      [email],
    )
    const [user] = rows
    // Takes as long for an e-mail that nobody has: the time must not tell which exist.
    const isRight = await limited(async () =>
      verify(user?.password_hash ?? (await nobodysHash), password),
    )
    return user && isRight ? { id: user.id, role: user.role } : null
  }

  const add: Credentials['users']['add'] = async (email, password) =>
    addUser(pool, email, await limited(() => hash(password)), 'user')

  return {
    authenticate: (...given) => orUnavailable(authenticate(...given)),
    users: {
      add: (...given) => orUnavailable(add(...given)),
      find: (id) => orUnavailable(users.find(id)),
      list: (parameters) => orUnavailable(users.list(parameters)),
    },
  }
}

const columns = 'user_id as id, email, role, created_at'

const usersOf = (pool: Database, sign: Sign): Pick<Credentials['users'], 'find' | 'list'> => ({
  find: async (id) => {
    const { rows } = await pool.query(
      `select ${columns} from vault.credential where user_id = $1`,
      [id],
    )
    return rows[0] ?? null
  },
  list: async (parameters) => {
    const pages = paging(parameters, { list: 'users' }, sign)
    const { rows: found } = await pool.query(
      `select ${columns} from vault.credential where ($1::text is null or email > $1)
       order by email offset $2 limit $3`,
      [pages.after?.[0] ?? null, pages.offset, pages.limit + 1],
    )
    const total = await countRows(pool, 'vault.credential')
    const { rows, meta } = paged(found as User[], pages, total, ({ email }) => [email])
    return { data: [...rows], meta }
  },
})

/** The id follows from the e-mail: it stays the same if the database is ever made anew. */
const addUser = async (
  pool: Database,
  email: string,
  passwordHash: string,
  role: User['role'],
): Promise<User | null> => {
  const { rows } = await pool.query(
    `insert into vault.credential (user_id, email, password_hash, role)
     values ($1, lower($2), $3, $4) on conflict do nothing returning ${columns}`,
    [derivedId('user', email.toLowerCase()), email, passwordHash, role],
  )
  return rows[0] ?? null
}

const addAdmin = async (
  pool: Database,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<void> => {
  const known = await pool.query('select 1 from vault.credential where email = lower($1)', [email])
  if (known.rowCount) return
  await addUser(pool, email, await hash(password), 'admin')
}
