import { describe, expect, test } from 'vitest';
import { HostSession } from '../../../src/host/host-session.ts';
import { batchScripts } from '../../../src/host/join.ts';
import { packageState } from '../../../src/host/kinds/package.ts';
import type { Pending } from '../../../src/host/pending.ts';
import type { Join, ShellChange } from '../../../src/host/plan.ts';
import { forgetAll } from '../../../src/host/query.ts';
import { FactsNeeded } from '../../../src/host/view.ts';
import { noArtifacts } from '../modules/fake-host.ts';
import { rawScript } from '../../../src/support/shell.ts';

const root = { user: 'root', become: undefined };
const together = (words: readonly string[]) => rawScript(`all ${words.join(' ')}`);

function pending(name: string, key?: string, environment: Readonly<Record<string, string>> = {}): Pending<ShellChange> {
  const join: Join | undefined = key === undefined ? undefined : { by: 'words', key, words: [name], together };
  return {
    change: { resource: `package ${name}`, what: 'install', script: rawScript(`own ${name}`), effects: [forgetAll], ...(join === undefined ? {} : { join }) },
    identity: root, environment, timeoutSeconds: 60, before: undefined, done: () => undefined,
  };
}

describe('scripts of a batch', () => {
  const texts = (...batch: readonly Pending<ShellChange>[]): readonly string[] => batchScripts(batch, false).map((s) => s.script.text);

  test('the first of a row makes all, the others look after themselves', () => {
    expect(texts(pending('a', 'k'), pending('b', 'k'), pending('c', 'k'))).toEqual(['all a b c', 'own b', 'own c']);
  });

  test('one by itself is made by itself', () => {
    expect(texts(pending('a', 'k'))).toEqual(['own a']);
  });

  test('another key, a change in between or an environment ends the row', () => {
    expect(texts(pending('a', 'k'), pending('b', 'l'), pending('c', 'k'))).toEqual(['own a', 'own b', 'own c']);
    expect(texts(pending('a', 'k'), pending('x'), pending('b', 'k'), pending('c', 'k'))).toEqual(['own a', 'own x', 'all b c', 'own c']);
    expect(texts(pending('a', 'k'), pending('b', 'k', { A: '1' }))).toEqual(['own a', 'own b']);
  });
});

describe('what was known before the row', () => {
  const query = packageState('b');
  const absent = { state: 'absent', hold: false, providedBy: [] } as const;
  const files = { localFile: () => { throw new Error('none'); }, localTree: () => { throw new Error('none'); }, render: () => '', artifacts: () => noArtifacts };

  async function session(...changes: readonly Pending<ShellChange>[]): Promise<HostSession> {
    const made = new HostSession({
      name: 'h', checkMode: false, connect: () => Promise.reject(new Error('not to be used')), kill: new AbortController().signal, opening: undefined, sharing: undefined, limit: (work) => work(),
    });
    made.store(root).observed(query, absent);
    for (const change of changes) await made.enqueue(change);
    return made;
  }

  test('is told to those that join it, though it is known no more', async () => {
    const view = (await session(pending('a', 'k'))).view(root, files);
    expect(view.beforeJoin('k', query)).toEqual(absent);
    expect(() => view.fact(query)).toThrow(FactsNeeded);
  });

  test('stays so when the row grows', async () => {
    expect((await session(pending('a', 'k'), pending('c', 'k'))).view(root, files).beforeJoin('k', query)).toEqual(absent);
  });

  test('is told to nobody else', async () => {
    expect((await session(pending('a', 'k'))).view(root, files).beforeJoin('other', query)).toBeUndefined();
    expect((await session(pending('a', 'k'))).view({ user: 'x', become: { user: 'x', password: undefined } }, files).beforeJoin('k', query)).toBeUndefined();
    expect((await session(pending('a', 'k'))).view(root, files, true).beforeJoin('k', query)).toBeUndefined();
  });

  test('is gone with any other change, and when the row is dropped', async () => {
    expect((await session(pending('a', 'k'), pending('x'))).view(root, files).beforeJoin('k', query)).toBeUndefined();
    const dropped = await session(pending('a', 'k'));
    dropped.discard();
    expect(dropped.view(root, files).beforeJoin('k', query)).toBeUndefined();
  });
});
