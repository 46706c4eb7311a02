/**
 * The journal of what a run replaced on a host: JSON Lines, one a change, written before the change is made. Its keys are short because
 * it travels with every change; `docs/rollback.md` lists them. It is read by root only, on the host and by `rollback`.
 */
import { z } from 'zod';
import type { FileType } from '../kinds/path-key.ts';
import type { PathFact, PresentPath } from '../kinds/path.ts';

/** A handler, as notes of those that are owed name it (`state/pending-handlers.ts`). */
export interface HandlerName {
  /** Empty for a play's own. */
  readonly role: string;
  readonly handler: string;
}

/** A path that a change has written, removed or given other attributes. */
export interface KeptPath {
  readonly of: 'path';
  readonly path: string;
  /** As it was seen right before; undefined: it had not been looked at. */
  readonly before: PathFact | undefined;
  /** What the change says that it leaves. */
  readonly after: PathFact;
  /** Hex SHA-256 of the content before, where it was known. */
  readonly digest: string | undefined;
  /** Of the content that the change wrote; null: it wrote one that is not known; undefined: it left the content alone. */
  readonly wrote: string | null | undefined;
  /** Where what was there is kept, below the run's directory; undefined where there is nothing to keep. */
  readonly copy: string | undefined;
  /** Why what was there is not kept. */
  readonly lost: string | undefined;
  /** Whether its content must not be shown. */
  readonly secret: boolean;
  /** The command that a new content has to pass, with `%s` for its file. */
  readonly validate: string | undefined;
  /** Handlers that are to run after it has changed. */
  readonly owes: readonly HandlerName[];
}

/** A unit of the system's manager. */
export interface KeptUnit {
  readonly of: 'unit';
  readonly name: string;
  /** systemd's words, as they were seen right before. */
  readonly before: UnitState;
  /** What the change claims; what it says nothing of is undefined. */
  readonly after: Partial<UnitState>;
  /** What was done: `enable, start`, `restart`. */
  readonly did: string;
  /** The handler that did it. */
  readonly by: HandlerName | undefined;
  readonly owes: readonly HandlerName[];
}

export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly unitFile: string;
}

/** A change that no copy of a file undoes: packages, accounts, commands, what a service was told. */
export interface OutOfReach {
  readonly of: 'other';
  readonly resource: string;
  readonly did: string;
}

export type JournalEntry = KeptPath | KeptUnit | OutOfReach;

const TYPES = ['file', 'directory', 'link', 'fifo', 'socket', 'char', 'block'] as const satisfies readonly FileType[];
const Handlers = z.array(z.tuple([z.string(), z.string()])).optional();
/** 0: nothing is there. */
const State = z.union([z.literal(0), z.strictObject({ t: z.enum(TYPES), m: z.string().optional(), o: z.string().optional(), g: z.string().optional(), n: z.number().optional(), l: z.string().optional() })]);
const PathLine = z.strictObject({
  p: z.string(), b: State.optional(), a: State, s: z.string().optional(), w: z.string().nullable().optional(), c: z.string().optional(), l: z.string().optional(), x: z.literal(1).optional(), v: z.string().optional(), h: Handlers,
});
const UnitLine = z.strictObject({ u: z.string(), b: z.tuple([z.string(), z.string(), z.string()]), a: z.tuple([z.string().nullable(), z.string().nullable(), z.string().nullable()]), d: z.string(), y: z.tuple([z.string(), z.string()]).optional(), h: Handlers });
const OtherLine = z.strictObject({ r: z.string(), d: z.string() });
const Line = z.union([PathLine, UnitLine, OtherLine]);

function encodeState(fact: PathFact): z.input<typeof State> {
  if (!fact.exists) return 0;
  const { type: t, mode: m, owner: o, group: g, size: n, target: l } = fact;
  return { t, m, o, g, n, l };
}

function decodeState(state: z.output<typeof State>): PathFact {
  if (state === 0) return { exists: false };
  const { t, m, o, g, n, l } = state;
  const fact: PresentPath = { exists: true, type: t, ...(m === undefined ? {} : { mode: m }), ...(o === undefined ? {} : { owner: o }), ...(g === undefined ? {} : { group: g }), ...(n === undefined ? {} : { size: n }), ...(l === undefined ? {} : { target: l }) };
  return fact;
}

const encodeHandlers = (handlers: readonly HandlerName[]): z.input<typeof Handlers> => (handlers.length === 0 ? undefined : handlers.map(({ role, handler }) => [role, handler]));
const decodeHandler = ([role, handler]: readonly [string, string]): HandlerName => ({ role, handler });

/** One line, without its end. */
export function encodeEntry(entry: JournalEntry): string {
  const line = ((): z.input<typeof Line> => {
    switch (entry.of) {
      case 'path':
        return {
          p: entry.path, b: entry.before === undefined ? undefined : encodeState(entry.before), a: encodeState(entry.after), s: entry.digest, w: entry.wrote, c: entry.copy, l: entry.lost,
          x: entry.secret ? 1 : undefined, v: entry.validate, h: encodeHandlers(entry.owes),
        };
      case 'unit':
        return {
          u: entry.name, b: [entry.before.load, entry.before.active, entry.before.unitFile], a: [entry.after.load ?? null, entry.after.active ?? null, entry.after.unitFile ?? null], d: entry.did,
          y: entry.by === undefined ? undefined : [entry.by.role, entry.by.handler], h: encodeHandlers(entry.owes),
        };
      case 'other':
        return { r: entry.resource, d: entry.did };
    }
  })();
  return JSON.stringify(line);
}

function decodeLine(line: z.output<typeof Line>): JournalEntry {
  if ('r' in line) return { of: 'other', resource: line.r, did: line.d };
  if ('u' in line) {
    const [load, active, unitFile] = line.a;
    const after = { ...(load === null ? {} : { load }), ...(active === null ? {} : { active }), ...(unitFile === null ? {} : { unitFile }) };
    return { of: 'unit', name: line.u, before: { load: line.b[0], active: line.b[1], unitFile: line.b[2] }, after, did: line.d, by: line.y === undefined ? undefined : decodeHandler(line.y), owes: (line.h ?? []).map(decodeHandler) };
  }
  return {
    of: 'path', path: line.p, before: line.b === undefined ? undefined : decodeState(line.b), after: decodeState(line.a), digest: line.s, wrote: line.w, copy: line.c, lost: line.l,
    secret: line.x === 1, validate: line.v, owes: (line.h ?? []).map(decodeHandler),
  };
}

/**
 * Reads a part of a journal. A last line without its end was being written when the power went: its change was not made, since the line is
 * synced before that.
 *
 * @throws Error that names the line when it makes no sense
 */
export function decodeJournal(text: string): readonly JournalEntry[] {
  return text.split('\n').slice(0, -1).map((line, i) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new Error(`line ${String(i + 1)} of the journal is damaged`, { cause: error });
    }
    const parsed = Line.safeParse(value);
    if (!parsed.success) throw new Error(`line ${String(i + 1)} of the journal is of another version of care-provision, or damaged`);
    return decodeLine(parsed.data);
  });
}
