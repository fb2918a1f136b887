import { hash, verify } from '@node-rs/argon2'
import { derivedId } from '../domain/ids.ts'
import { refuse } from '../domain/rejection.ts'
import { type Database, inTransaction } from './postgres.ts'

export type Credentials = {
  /** The user with this e-mail and password; null if there is none. */
  readonly authenticate: (
    email: string,
    password: string,
  ) => Promise<{ id: string; role: 'admin' } | null>
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
  admin: { readonly email: string; readonly password: string } | null,
): Promise<Credentials> => {
  await prepare(pool)
  if (admin) await addAdmin(pool, admin)
  const nobodysHash = await hash('a password that nobody has')
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
    const isRight = await limited(() => verify(user?.password_hash ?? nobodysHash, password))
    return user && isRight ? { id: user.id, role: user.role } : null
  }

  return { authenticate }
}

/** The id follows from the e-mail: it stays the same if the database is ever made anew. */
const addAdmin = async (
  pool: Database,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<void> => {
  const known = await pool.query('select 1 from vault.credential where email = lower($1)', [email])
  if (known.rowCount) return
  await pool.query(
    `insert into vault.credential (user_id, email, password_hash, role)
     values ($1, lower($2), $3, 'admin') on conflict do nothing`,
    [derivedId('user', email.toLowerCase()), email, await hash(password)],
  )
}
