/**
 * Secrets have a type of their own, so that printing one by mistake shows a mask, and a process-wide
 * register of their plain texts, so that one that leaks through a host's output is masked as well.
 */
import { inspect } from 'node:util';

export const MASK = '********';

/** Shorter texts are not masked in foreign output: masking "a" would eat every message. */
const SHORTEST_MASKED = 4;

const forms = new Map<string, true>();
let pattern: RegExp | undefined;

function register(plain: string): void {
  const add = (text: string): void => {
    if (text.length >= SHORTEST_MASKED && !MASK.includes(text)) forms.set(text, true);
  };
  add(plain);
  add(plain.trim());
  for (const line of plain.split('\n')) if (line.trim().length >= 8) add(line.trim());
  add(Buffer.from(plain, 'utf8').toString('base64'));
  add(encodeURIComponent(plain));
  add(JSON.stringify(plain).slice(1, -1));
  add(plain.replaceAll("'", `'\\''`));
  pattern = undefined;
}

/** A value that must not be seen. `reveal()` is the only way to its text; search for it to audit. */
export class Secret {
  readonly #plain: string;

  constructor(plain: string, options: { readonly register?: boolean } = {}) {
    this.#plain = plain;
    if (options.register !== false) register(plain);
  }

  /**
   * Text that shows known secrets unaltered, such as a rendered configuration file: it is secret as a whole,
   * but must not be registered, or every ordinary line of it would be masked wherever it turns up.
   */
  static derived(plain: string): Secret {
    return new Secret(plain, { register: false });
  }

  reveal(): string {
    return this.#plain;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }

  equals(other: Secret): boolean {
    return this.#plain === other.#plain;
  }
}

/** Replaces every known secret, in its raw, base64, URL, JSON and shell-quoted forms, by a mask. */
export function maskSecrets(text: string): string {
  if (forms.size === 0) return text;
  if (pattern === undefined) {
    const longestFirst = [...forms.keys()].sort((a, b) => b.length - a.length);
    pattern = new RegExp(longestFirst.map((f) => f.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  }
  return text.replaceAll(pattern, MASK);
}

/** Forgets all secrets that were registered: for tests, whose files share a process and no secrets. */
export function forgetSecrets(): void {
  forms.clear();
  pattern = undefined;
}

/** The text of a string or a secret. */
export function revealed(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value;
}
