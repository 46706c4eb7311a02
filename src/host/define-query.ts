/** Makes a typed query constructor from a kind. The one place where a kind's types are erased. */
import { sameValue } from '../support/value.ts';
import type { Effect, ErasedKind, ErasedServiceKind, ErasedShellKind, Query, QueryKind, ServiceKind, ShellKind } from './query.ts';

const kinds = new Set<string>();

/**
 * @param kind how to ask and to read
 * @returns a function from key to query; equal keys give queries with equal ids
 * @throws Error when two kinds share a name (a defect of this program)
 */
export function defineQuery<Key, Fact>(kind: ShellKind<Key, Fact>): (key: Key) => Query<Fact> {
  return queries<Key, Fact, ErasedShellKind>(kind, {
    ...erasedBase(kind),
    by: 'shell',
    probe: (keys) => kind.probe(keys as readonly Key[]),
    parse: (keys, output) => kind.parse(keys as readonly Key[], output),
  });
}

/** The same for a kind whose answers come from a client of a service. */
export function defineServiceQuery<Key, Fact>(kind: ServiceKind<Key, Fact>): (key: Key) => Query<Fact, ErasedServiceKind> {
  return queries<Key, Fact, ErasedServiceKind>(kind, {
    ...erasedBase(kind),
    by: 'service',
    answer: (keys, port) => kind.answer(keys as readonly Key[], port),
  });
}

/** The engine only ever hands a kind the keys and facts that came from that kind's own queries: the casts are sound. */
function erasedBase<Key, Fact>(kind: QueryKind<Key, Fact>): Omit<ErasedKind, 'by' | 'probe' | 'parse' | 'answer'> {
  return {
    name: kind.name,
    describe: (key) => kind.describe(key as Key),
    same: (a, b) => (kind.same === undefined ? sameValue(a, b) : kind.same(a as Fact, b as Fact)),
    show: (fact) => (kind.show === undefined ? JSON.stringify(fact) : kind.show(fact as Fact)),
    paths: (key) => kind.paths?.(key as Key) ?? [],
    absent: (key) => kind.absent?.(key as Key),
    volatile: kind.volatile ?? false,
    lasting: kind.lasting ?? false,
    after: kind.after ?? [],
    passing: (fact) => kind.passing?.(fact as Fact) ?? false,
  };
}

/** One question; a class, because there are hundreds of them for each of a thousand hosts. */
class Asked<Fact, Kind extends ErasedKind> implements Query<Fact, Kind> {
  readonly kind: Kind;
  readonly key: unknown;
  readonly id: string;

  constructor(kind: Kind, key: unknown, id: string) {
    this.kind = kind;
    this.key = key;
    this.id = id;
  }

  is(value: Fact): Effect {
    return { type: 'set', query: this, value };
  }

  forget(): Effect {
    return { type: 'forget', query: this };
  }
}

function queries<Key, Fact, Kind extends ErasedKind>(kind: QueryKind<Key, Fact>, erased: Kind): (key: Key) => Query<Fact, Kind> {
  if (kinds.has(kind.name)) throw new Error(`query kind ${kind.name} is defined twice`);
  kinds.add(kind.name);
  return (key) => new Asked<Fact, Kind>(erased, key, `${kind.name}:${kind.id(key)}`);
}
