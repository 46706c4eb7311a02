/**
 * Variables with precedence, rendered when somebody asks for them. A value may use other variables
 * wherever they are defined: it sees those of the scope in which it is used, as in Ansible.
 */
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Secret } from '../support/secret.ts';
import { formatPlace, type Span } from '../support/source.ts';
import type { Value, ValueMap } from '../support/value.ts';
import type { EncryptedValue } from './encrypted.ts';
import { spanOf } from './positions.ts';
import type { Scope, VariableLayer } from './scope-types.ts';
import { renderValue } from './template/render.ts';
import { settle } from './template/settle.ts';

export type { Scope, VariableLayer } from './scope-types.ts';

export interface ScopeOptions {
  readonly decrypt?: (encrypted: EncryptedValue) => Secret;
}

/**
 * @param layers lowest precedence first
 * @param options `decrypt` makes `!secret` values readable; without it, using one is an error
 */
export function createScope(layers: readonly VariableLayer[], options: ScopeOptions = {}): Scope {
  const [first = { values: {}, templated: false }, ...rest] = layers;
  return rest.reduce<LayeredScope>((scope, layer) => new LayeredScope(layer, scope, options.decrypt), new LayeredScope(first, undefined, options.decrypt));
}

/**
 * All variables of a scope as a map that renders each one when it is read: what `hostvars` holds for a host.
 * Give it to templates in an untemplated layer.
 */
export function lazyView(scope: Scope): ValueMap {
  return lazyMap(scope.names(), (name) => scope.get(name));
}

/** A map whose entries are made when they are read, and kept. */
export function lazyMap(keys: readonly string[], read: (key: string) => Value): ValueMap {
  const view: Record<string, Value> = {};
  for (const key of keys) {
    Object.defineProperty(view, key, {
      enumerable: true,
      configurable: true,
      get(): Value {
        const value = read(key);
        Object.defineProperty(view, key, { enumerable: true, configurable: false, value });
        return value;
      },
    });
  }
  return view;
}

/** A rendered variable and the names of all that its rendering looked at. */
interface Rendered {
  readonly value: Value;
  readonly uses: ReadonlySet<string>;
}

interface InProgress {
  readonly scope: LayeredScope;
  readonly name: string;
  readonly span: Span | undefined;
  readonly uses: Set<string>;
}

/** Noted as a use by whoever asks for all names. */
const EVERYTHING = '*';

class LayeredScope implements Scope {
  readonly decrypt?: (encrypted: EncryptedValue) => Secret;
  readonly #layer: VariableLayer;
  readonly #below: LayeredScope | undefined;
  readonly #rendered = new Map<string, Rendered>();
  /** Variables being rendered, outermost first; one list for a scope and all its children. */
  readonly #stack: InProgress[];
  #names: readonly string[] | undefined;

  constructor(layer: VariableLayer, below: LayeredScope | undefined, decrypt: ((encrypted: EncryptedValue) => Secret) | undefined) {
    this.#layer = layer;
    this.#below = below;
    this.#stack = below === undefined ? [] : below.#stack;
    if (decrypt !== undefined) this.decrypt = decrypt;
  }

  child(layer: VariableLayer): Scope {
    return new LayeredScope(layer, this, this.decrypt);
  }

  has(name: string): boolean {
    this.#stack.at(-1)?.uses.add(name);
    return this.#find(name) !== undefined;
  }

  names(): readonly string[] {
    this.#stack.at(-1)?.uses.add(EVERYTHING);
    this.#names ??= [...new Set([...(this.#below?.names() ?? []), ...Object.keys(this.#layer.values)])];
    return this.#names;
  }

  get(name: string): Value {
    const rendered = this.#known(name) ?? this.#render(name);
    const user = this.#stack.at(-1);
    if (user !== undefined) {
      user.uses.add(name);
      for (const use of rendered.uses) user.uses.add(use);
    }
    return rendered.value;
  }

  #find(name: string): VariableLayer | undefined {
    if (Object.hasOwn(this.#layer.values, name)) return this.#layer;
    return this.#below === undefined ? undefined : this.#below.#find(name);
  }

  /** A rendering from this scope, or from one below it that nothing in this layer could change. */
  #known(name: string): Rendered | undefined {
    const own = this.#rendered.get(name);
    if (own !== undefined) return own;
    const below = this.#below === undefined ? undefined : this.#below.#known(name);
    return below !== undefined && this.#agrees(name, below) ? below : undefined;
  }

  #agrees(name: string, rendered: Rendered): boolean {
    const { values } = this.#layer;
    if (Object.hasOwn(values, name) || rendered.uses.has(EVERYTHING)) return false;
    for (const use of rendered.uses) if (Object.hasOwn(values, use)) return false;
    return true;
  }

  #render(name: string): Rendered {
    const layer = this.#find(name);
    if (layer === undefined) {
      throw badInput('undefined-variable', `the variable ${name} is not defined`, { remedy: suggestion(name, this.names()) });
    }
    const span = spanOf(layer.values, name);
    this.#refuseCircle(name, span);
    const inProgress: InProgress = { scope: this, name, span, uses: new Set() };
    this.#stack.push(inProgress);
    try {
      const raw = layer.values[name] ?? null;
      const value = layer.templated ? renderValue(raw, this, span) : settle(raw, this);
      const rendered: Rendered = { value, uses: inProgress.uses };
      this.#keep(name, rendered);
      return rendered;
    } catch (error) {
      throw this.#explained(error);
    } finally {
      this.#stack.pop();
    }
  }

  /** Keeps a rendering at the lowest scope in which it would be the same, for all that share it. */
  #keep(name: string, rendered: Rendered): void {
    if (this.#below !== undefined && this.#agrees(name, rendered)) this.#below.#keep(name, rendered);
    else this.#rendered.set(name, rendered);
  }

  #refuseCircle(name: string, span: Span | undefined): void {
    const start = this.#stack.findIndex((entry) => entry.name === name && entry.scope === this);
    if (start === -1) return;
    const circle = this.#stack.slice(start);
    const chain = [...circle.map((entry) => entry.name), name].join(' → ');
    const places = circle.map((entry) => `  ${entry.name}${entry.span === undefined ? '' : ` at ${formatPlace(entry.span)}`}`).join('\n');
    throw badInput('circular-variable', `variables need each other: ${chain}`, { span, detail: places, remedy: 'give one of them a value that does not use the others' });
  }

  /** Adds, once, which variables led to the one that failed. */
  #explained(error: unknown): unknown {
    if (!(error instanceof Diagnostic) || explained.has(error) || error.code === 'circular-variable') return error;
    const users = this.#stack.map((entry) => entry.name).join(' → ');
    const detail = `while rendering the variable ${users}`;
    const more = new Diagnostic({ kind: error.kind, code: error.code, summary: error.message, span: error.span, remedy: error.remedy, cause: error, detail: error.detail === undefined ? detail : `${error.detail}\n${detail}` });
    explained.add(more);
    return more;
  }
}

const explained = new WeakSet<Diagnostic>();
