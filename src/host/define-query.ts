/** Makes a typed query constructor from a kind. The one place where a kind's types are erased. */
import { sameValue } from '../support/value.ts';
import type { AnyQuery, ErasedKind, Query, QueryKind } from './query.ts';

const kinds = new Map<string, ErasedKind>();

/**
 * @param kind how to ask and to read
 * @returns a function from key to query; equal keys give queries with equal ids
 * @throws Error when two kinds share a name (a defect of this program)
 */
export function defineQuery<Key, Fact>(kind: QueryKind<Key, Fact>): (key: Key) => Query<Fact> {
  if (kinds.has(kind.name)) throw new Error(`query kind ${kind.name} is defined twice`);
  // The engine only ever hands a kind the keys and facts that came from that kind's own queries.
  const erased: ErasedKind = {
    name: kind.name,
    describe: (key) => kind.describe(key as Key),
    probe: (keys) => kind.probe(keys as readonly Key[]),
    parse: (keys, output) => kind.parse(keys as readonly Key[], output),
    same: (a, b) => (kind.same === undefined ? sameValue(a, b) : kind.same(a as Fact, b as Fact)),
    show: (fact) => (kind.show === undefined ? JSON.stringify(fact) : kind.show(fact as Fact)),
    paths: (key) => kind.paths?.(key as Key) ?? [],
    absent: (key) => kind.absent?.(key as Key),
    volatile: kind.volatile ?? false,
  };
  kinds.set(kind.name, erased);
  return (key) => {
    const query: AnyQuery = { kind: erased, key, id: `${kind.name}:${kind.id(key)}` };
    return {
      ...query,
      is: (value) => ({ type: 'set', query, value }),
      forget: () => ({ type: 'forget', query }),
    };
  };
}
