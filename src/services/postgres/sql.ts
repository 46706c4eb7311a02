/**
 * SQL as text that can be run and text that may be shown. Identifiers and literals are quoted by the driver's rules
 * (pg's `escapeIdentifier` and `escapeLiteral`; those of PostgreSQL's `quote_ident` and `quote_literal`); a plain string is
 * not accepted as a part, so that nothing gets in unquoted by mistake.
 */
import { MASK, type Secret } from '../../support/secret.ts';

export class Sql {
  /** As it may be shown: secrets are masked. */
  readonly shown: string;
  readonly #render: () => string;

  constructor(shown: string, render: () => string = () => shown) {
    this.shown = shown;
    this.#render = render;
  }

  /** As it is sent. Made when it is sent: a salt, say, is a new one each time. */
  render(): string {
    return this.#render();
  }
}

/** Fixed words; `sql` pastes other parts into them. */
export function sql(strings: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  const join = (text: (part: Sql) => string): string => strings.reduce((all, fixed, i) => all + (i === 0 ? '' : text(parts[i - 1] ?? raw(''))) + fixed, '');
  return new Sql(join((part) => part.shown), () => join((part) => part.render()));
}

/** Text taken as it is: words of this program, or a statement that the user wrote. */
export function raw(text: string): Sql {
  return new Sql(text);
}

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new RangeError('PostgreSQL knows no text with a NUL byte');
  return text;
}

/** A name as the driver quotes it: always in double quotes. */
export function escapeIdentifier(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** A text as the driver quotes it. */
export function escapeLiteral(text: string): string {
  const backslash = text.includes('\\');
  return `${backslash ? ' E' : ''}'${withoutNul(text).replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
}

/** A name, or a name in a schema: `ident('public', 'patient')`. */
export function ident(...names: readonly string[]): Sql {
  return raw(names.map(escapeIdentifier).join('.'));
}

export function literal(text: string): Sql {
  return raw(escapeLiteral(text));
}

/** A literal that is never shown. `text` is called when the statement is sent. */
export function secretLiteral(text: () => string): Sql {
  return new Sql(`'${MASK}'`, () => escapeLiteral(text()));
}

export function hidden(secret: Secret): Sql {
  return secretLiteral(() => secret.reveal());
}

export function integer(value: number): Sql {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${String(value)} is no integer`);
  return raw(String(value));
}

export function listOf(parts: readonly Sql[], separator = ', '): Sql {
  return new Sql(parts.map((p) => p.shown).join(separator), () => parts.map((p) => p.render()).join(separator));
}
