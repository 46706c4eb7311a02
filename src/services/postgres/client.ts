/**
 * A client of one database on one host: one connection, opened on first use over a stream through the host's SSH
 * connection, made anew when it has died. Reads are asked a second time on a new connection; a write never is.
 */
import type { Client } from 'pg';
import type { Service, ServiceClient, Streams } from '../clients.ts';
import { connectPostgres } from './connect.ts';
import { loginId, type PostgresLogin } from './login.ts';
import { sendCancel } from './cancel.ts';
import type { Sql } from './sql.ts';
import { endsConnection, PostgresTrouble, troubleOf } from './trouble.ts';
import { Turns } from './turns.ts';

export interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
}

/** A parameter; an array is PostgreSQL's array. */
export type Parameter = string | number | boolean | null | readonly string[];

export interface Question {
  readonly text: string;
  readonly values: readonly Parameter[];
}

export interface Answered {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** The command's tag without its count: `SELECT`, `INSERT`. */
  readonly command: string;
  readonly rowCount: number | undefined;
  readonly columns: readonly string[];
}

export interface Write {
  readonly statements: readonly Sql[];
  /** `together`: all or nothing, in one round trip; `alone`: each by itself, for those that allow no transaction (CREATE DATABASE). */
  readonly how: 'together' | 'alone';
  /** Kept out of the server's log, as far as the role may decide that (a superuser). */
  readonly quiet: boolean;
}

/** Ends the wait for a server that is asked to end a connection. */
const END_MS = 500;

/** What the log of a superuser's session leaves out from here to the end of the transaction. */
const QUIET = "BEGIN; SELECT pg_catalog.set_config(s.name, s.value, true) FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic'), ('log_duration', 'off')) AS s(name, value) WHERE pg_catalog.current_setting('is_superuser') = 'on'";

export type Mode = 'read only' | 'read write' | 'autocommit';

interface Live {
  readonly client: Client;
  dead: boolean;
  /** Milliseconds, as the server has been told. */
  statementTimeout: number;
}

export class PostgresClient implements ServiceClient {
  readonly #login: PostgresLogin;
  readonly #streams: () => Promise<Streams>;
  readonly #turns = new Turns();
  #live: Promise<Live> | undefined;

  constructor(login: PostgresLogin, streams: () => Promise<Streams>) {
    this.#login = login;
    this.#streams = streams;
  }

  /** Asks one question. @throws PostgresTrouble, Diagnostic */
  async read(question: Question, limits: Limits): Promise<Answered> {
    return this.#turns.shared(() => this.#askedAgain(() => this.#ask(question, limits), limits));
  }

  /** For what changes nothing: a connection that was ended since it was last used is made anew, and the question asked again, once. */
  async #askedAgain<T>(ask: () => Promise<T>, limits: Limits): Promise<T> {
    const reused = this.#live !== undefined;
    try {
      return await ask();
    } catch (error) {
      if (!reused || !(error instanceof PostgresTrouble) || error.trouble.kind !== 'lost' || limits.signal.aborted) throw error;
      return ask();
    }
  }

  /** Makes changes. Never made twice: when the connection breaks meanwhile, that is said. @throws PostgresTrouble, Diagnostic */
  async write(write: Write, limits: Limits): Promise<void> {
    await this.#turns.alone(() => this.#write(write, limits));
  }

  async #write(write: Write, limits: Limits): Promise<void> {
    const shown = write.statements.map((s) => s.shown).join(';\n');
    const live = await this.#connected(limits);
    try {
      await this.#guarded(live, limits, async () => {
        await this.#limitTime(live, limits);
        if (write.quiet) await live.client.query(QUIET);
        try {
          const texts = write.statements.map((s) => s.render());
          if (write.how === 'together') await live.client.query(texts.join(';\n'));
          else for (const text of texts) await live.client.query(text);
          if (write.quiet) await live.client.query('COMMIT');
        } catch (error) {
          if (write.quiet) await rollBack(live, error);
          throw error;
        }
      });
    } catch (error) {
      throw troubleOf(error, 'at work', shown);
    }
  }

  /**
   * Runs the user's own statements, in one transaction.
   *
   * @param mode `autocommit` for what allows no transaction (VACUUM, CREATE INDEX CONCURRENTLY)
   * @param prologue set up for them, in the same transaction where there is one
   * @returns one answer a statement
   */
  async statements(questions: readonly Question[], mode: Mode, prologue: readonly Sql[], limits: Limits): Promise<readonly Answered[]> {
    const run = (): Promise<readonly Answered[]> => this.#statements(questions, mode, prologue, limits);
    return this.#turns.alone(() => (mode === 'read only' ? this.#askedAgain(run, limits) : run()));
  }

  async #statements(questions: readonly Question[], mode: Mode, prologue: readonly Sql[], limits: Limits): Promise<readonly Answered[]> {
    const live = await this.#connected(limits);
    let at: Question | undefined;
    const all = async (): Promise<readonly Answered[]> => {
      const answers: Answered[] = [];
      for (const question of questions) {
        at = question;
        answers.push(await ask(live.client, question));
      }
      return answers;
    };
    try {
      return await this.#guarded(live, limits, async () => {
        // What only reads is ended from here (a cancel request) when its time is over.
        if (mode !== 'read only') await this.#limitTime(live, limits);
        if (mode === 'autocommit') {
          for (const each of prologue) await live.client.query(each.render());
          return all();
        }
        await live.client.query([`BEGIN ${mode.toUpperCase()}`, ...prologue.map((s) => s.render())].join(';\n'));
        try {
          const answers = await all();
          await live.client.query('COMMIT');
          return answers;
        } catch (error) {
          await rollBack(live, error);
          throw error;
        }
      });
    } catch (error) {
      throw troubleOf(error, 'at work', at?.text);
    }
  }

  async close(): Promise<void> {
    const open = this.#live;
    this.#live = undefined;
    const live = await open?.catch(() => undefined);
    if (live === undefined || live.dead) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([live.client.end().catch(() => undefined), new Promise((resolve) => { timer = setTimeout(resolve, END_MS); })]);
    clearTimeout(timer);
  }

  async #ask(question: Question, limits: Limits): Promise<Answered> {
    const live = await this.#connected(limits);
    try {
      return await this.#guarded(live, limits, () => ask(live.client, question));
    } catch (error) {
      throw troubleOf(error, 'at work', question.text);
    }
  }

  async #connected(limits: Limits): Promise<Live> {
    const known = await this.#live?.catch(() => undefined);
    if (known?.dead === false) return known;
    const opening = this.#open(limits);
    this.#live = opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#live === opening) this.#live = undefined;
      throw troubleOf(error, 'connecting');
    }
  }

  async #open(limits: Limits): Promise<Live> {
    const { client, statementTimeout } = await connectPostgres(this.#login, await this.#streams(), limits.signal);
    const live: Live = { client, dead: false, statementTimeout };
    const die = (): void => { live.dead = true; };
    client.on('error', die);
    client.on('end', die);
    return live;
  }

  async #limitTime(live: Live, limits: Limits): Promise<void> {
    const wanted = Math.ceil(limits.timeoutSeconds * 1000);
    if (live.statementTimeout === wanted) return;
    await live.client.query(`SET statement_timeout = ${String(wanted)}`);
    live.statementTimeout = wanted;
  }

  /**
   * Ends the statement on the server, and the connection, when the wait for it ends. A connection that the server has ended is dead
   * from its last word on: the driver tells the statement of it first, and the client only once the stream has closed.
   */
  async #guarded<T>(live: Live, limits: Limits, work: () => Promise<T>): Promise<T> {
    const onAbort = (): void => {
      live.dead = true;
      void sendCancel(live.client, this.#login, this.#streams).finally(() => { void live.client.end().catch(() => undefined); });
    };
    limits.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await work();
    } catch (error) {
      if (endsConnection(error)) live.dead = true;
      throw error;
    } finally {
      limits.signal.removeEventListener('abort', onAbort);
    }
  }
}

/** After an error, where there is still a connection: on one that the server has ended nothing would ever answer. */
async function rollBack(live: Live, error: unknown): Promise<void> {
  if (!live.dead && !endsConnection(error)) await live.client.query('ROLLBACK').catch(() => undefined);
}

async function ask(client: Client, question: Question): Promise<Answered> {
  const result = question.values.length === 0 ? await client.query(question.text) : await client.query({ text: question.text, values: [...question.values] });
  // Several statements in one text give several results; the last one is what was asked for.
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const { rows, command, rowCount, fields } = last as typeof result;
  return { rows: rows as Readonly<Record<string, unknown>>[], command: command, rowCount: rowCount ?? undefined, columns: fields.map((f) => f.name) };
}

export const postgres: Service<PostgresLogin, PostgresClient> = {
  name: 'postgres',
  id: loginId,
  make: (login, streams) => new PostgresClient(login, streams),
};
