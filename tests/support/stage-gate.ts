import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** Builds stand before it at the end of a stage, or in the midst of their first page. */
export type StageGate = {
  /** Waits until a worker stands before it, and says which, by the name of its sessions. */
  readonly whoStands: () => Promise<string>
  readonly open: () => Promise<void>
}

/**
 * Builds that begin from now on can be held up at each stage: where it would be left, and folding
 * with a page that is written and not committed.
 */
export const buildStageGates = (db: pg.Client): Promise<unknown> =>
  db.query(`
    create function public.pass_stage() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(hashtext(old.stage));
      return new;
    end $$;
    create trigger gate before update on projection.build for each row
      when (old.stage is distinct from new.stage) execute function public.pass_stage();

    create function public.pass_page() returns trigger language plpgsql as $$
    begin
      if exists (select from projection.build where stage = 'folding'
          and projection || '_v' || version || '_b' || id = tg_table_schema) then
        perform pg_advisory_xact_lock_shared(hashtext('folding'));
      end if;
      return null;
    end $$;
    create function public.gate_checkpoints() returns event_trigger language plpgsql as $$
    declare made text;
    begin
      for made in select object_identity from pg_event_trigger_ddl_commands()
          where object_identity like '%.checkpoint' loop
        execute 'create trigger gate after insert or update on ' || made ||
          ' for each row execute function public.pass_page()';
      end loop;
    end $$;
    create event trigger gate_checkpoints on ddl_command_end when tag in ('CREATE TABLE')
      execute function public.gate_checkpoints()`)

/** No build leaves this stage until it is opened, or its connection ends. */
export const shutStageGate = async (
  connectionString: string,
  stage: string,
): Promise<StageGate> => {
  const db = new pg.Client({ connectionString })
  db.on('error', () => {})
  await db.connect()
  await db.query('select pg_advisory_lock(hashtext($1))', [stage])
  const whoStands = async (): Promise<string> => {
    for (;;) {
      const { rows } = await db.query<{ worker: string }>(
        `select application_name as worker from pg_stat_activity
         where wait_event = 'advisory' and application_name <> ''`,
      )
      if (rows[0]) return rows[0].worker
      await sleep(20)
    }
  }
  return { whoStands, open: () => db.end().catch(() => {}) }
}
