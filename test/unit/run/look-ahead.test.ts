import { expect, it } from 'vitest';
import type { HostSession } from '../../../src/host/host-session.ts';
import { stat } from '../../../src/host/kinds/path.ts';
import type { Task } from '../../../src/language/playbook/model.ts';
import { LookAhead, type ActionKind, type Foreseen } from '../../../src/run/look-ahead.ts';

const root = { user: 'root', become: undefined };
const session = undefined as unknown as HostSession; // handed through

/** A task by its words: `module path …`; `module -` asks nothing, `?` cannot be told, `skipped` certainly does not run. */
function ahead(words: readonly string[]): LookAhead {
  const tasks = words.map((text) => ({ kind: 'task', module: text.split(' ')[0], text }) as unknown as Task & { readonly text: string }); // what is looked at
  const made = new LookAhead((task): Foreseen | undefined => {
    const [module, ...paths] = (task as (typeof tasks)[number]).text.split(' ');
    if (module === '?') return undefined;
    if (module === 'skipped') return { identity: root, prepared: [] };
    return { identity: module === 'other' ? { user: 'care', become: { user: 'care', password: undefined } } : root, prepared: [{ queries: () => paths.filter((p) => p !== '-').map((p) => stat(p)) }] };
  });
  made.enter(tasks);
  return made;
}

it.each<[string, readonly string[], ActionKind | undefined, string]>([
  ['all that is to come', ['file /a', 'command -', '? /b', 'file /c'], undefined, '/a /c'],
  ['all that is to come after an action', ['file /a', '? /b', 'file /c'], 'unguarded', '/a /c'],
  ['nothing when the next task asks nothing', ['command -', 'file /a'], 'unguarded', ''],
  ['nothing when the next task cannot be told', ['?', 'file /a'], 'unguarded', ''],
  ['nothing when the next task is another user\'s', ['other /b', 'file /a'], 'unguarded', ''],
  ['past what is certainly skipped', ['skipped', 'file /a'], 'unguarded', '/a'],
  ['up to the next guarded command, when a guarded one ran', ['file /a', 'command /b', 'file /c'], 'guarded', '/a /b'],
  ['past commands that nothing guards', ['file /a', 'command -', 'shell /b', 'file /c'], 'guarded', '/a /b'],
  ['beyond it, when it ran anyway', ['file /a', 'command /b', 'file /c'], 'unguarded', '/a /b /c'],
])('asks for %s', (_what, tasks, after, asked) => {
  expect(ahead(tasks).queries(root, session, after).map((q) => String(q.key)).join(' ')).toBe(asked);
});
