import { describe, expect, test } from 'vitest';
import { packageState } from '../../../../src/host/kinds/package.ts';
import type { Plan } from '../../../../src/host/plan.ts';
import type { Query } from '../../../../src/host/query.ts';
import { FactsNeeded } from '../../../../src/host/view.ts';
import { aptModule } from '../../../../src/modules/package/index.ts';
import { fakeHost } from '../fake-host.ts';
import { scriptOf } from '../script-of.ts';

const absent = { state: 'absent', hold: false, providedBy: [] as readonly string[] };

/** Plans for a package of which only what was known before a row of the same key is known. */
function plan(args: object, fact: object | undefined, key?: string): Plan {
  const prepared = aptModule.prepare(args);
  return prepared.plan({
    ...fakeHost({}),
    beforeJoin: <F>(asked: string, query: Query<F>): F | undefined => ((key === undefined || asked === key) && query.id === packageState('b').id ? (fact as F | undefined) : undefined),
  });
}

function joinOf(result: Plan): { readonly key: string; readonly words: readonly string[] } | undefined {
  const join = result.type === 'changes' ? result.changes[0].join : undefined;
  return join?.by === 'words' ? join : undefined;
}

describe('a package after others that wait to be installed', () => {
  test('is installed with them when it was absent', () => {
    const result = plan({ name: 'b' }, absent);
    expect(joinOf(result)?.words).toEqual(['b']);
    const script = result.type === 'changes' ? scriptOf(result.changes[0]).text : '';
    expect(script).toContain("!= installed ]; then");
  });

  test.each([
    ['was there', { name: 'b' }, { ...absent, state: 'installed' }],
    ['was half there', { name: 'b' }, { ...absent, state: 'interrupted' }],
    ['was provided by another', { name: 'b' }, { ...absent, providedBy: ['c'] }],
    ['was held', { name: 'b' }, { ...absent, hold: true }],
    ['is wanted in a version', { name: 'b=1' }, absent],
    ['is to be held', { name: 'b', hold: true }, absent],
    ['is to be removed', { name: 'b', state: 'absent' }, absent],
    ['wants fresh lists', { name: 'b', update_cache: true }, absent],
    ['is one of several', { name: ['b', 'c'] }, absent],
  ])('is looked at anew when it %s', (_, args, fact) => {
    expect(() => plan(args, fact)).toThrow(FactsNeeded);
  });

  test('joins only those that are installed in the same way', () => {
    const keys = [{}, { install_recommends: true }, { default_release: 'x-backports' }, { lock_timeout: 7 }, { policy_rc_d: 0 }].map((more) => joinOf(plan({ name: 'b', ...more }, absent))?.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
