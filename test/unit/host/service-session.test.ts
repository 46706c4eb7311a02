/** What a host's services answer and change, in one order with what its shell does. */
import { describe, expect, test } from 'vitest';
import { defineQuery, defineServiceQuery } from '../../../src/host/define-query.ts';
import { HostSession } from '../../../src/host/host-session.ts';
import { ChangeFailed, type PendingChange } from '../../../src/host/pending.ts';
import type { Change } from '../../../src/host/plan.ts';
import { forgetAll, forgetKinds, type Effect } from '../../../src/host/query.ts';
import type { Service, ServiceClient } from '../../../src/services/clients.ts';
import { failure, Diagnostic } from '../../../src/support/diagnostic.ts';
import { rawScript } from '../../../src/support/shell.ts';
import type { Connection, Outcome, Runner, RunRequest } from '../../../src/transport/types.ts';

const me = { become: undefined, user: 'root' };
const other = { become: { user: 'other', password: undefined }, user: 'other' };

/** A service: a map, whose client says when it is made and closed. */
interface Log {
  readonly lines: string[];
  readonly values: Map<string, string>;
  silent: boolean;
}

class MapClient implements ServiceClient {
  readonly log: Log;
  constructor(log: Log) {
    this.log = log;
    log.lines.push('open');
  }
  close(): Promise<void> {
    this.log.lines.push('close');
    return Promise.resolve();
  }
}
const maps: Service<Log, MapClient> = { name: 'maps', id: () => '', make: (log) => new MapClient(log) };

let log: Log = { lines: [], values: new Map(), silent: false };
type Answer = string | null;

const entry = defineServiceQuery<string, Answer>({
  name: 'test-entry',
  id: (k) => k,
  describe: (k) => `entry ${k}`,
  answer: (keys, port) => {
    const { log: own } = port.clients.get(maps, log);
    own.lines.push(`ask ${keys.join(' ')}`);
    return Promise.resolve(keys.map((k) => (own.silent ? 'silent' : (own.values.get(k) ?? null))));
  },
  after: ['test-unit-word'],
  passing: (fact) => fact === 'silent',
});
const unitWord = defineQuery<string, string>({
  name: 'test-unit-word',
  id: (k) => k,
  describe: (k) => k,
  probe: (keys) => `: probe ${keys.join(' ')}`,
  parse: (keys) => keys.map(() => 'running'),
});

function fresh(checkMode = false, kill = new AbortController().signal): HostSession {
  log = { lines: [], values: new Map(), silent: false };
  const outcomeOf = (request: RunRequest): Outcome => {
    const { text } = request.script;
    const probe = /: probe .*/.exec(text)?.[0].slice(2);
    const last = text.split('\n').filter((line) => line !== '').at(-1) ?? '';
    log.lines.push(probe ?? (text.includes('printf') ? 'probe' : text.includes('lock') ? 'lock' : last));
    const marks = [...text.matchAll(/printf '\\n%s' (\w+\.)/g)].map((m) => `\n${m[1] ?? ''}`);
    return { state: 'done', status: last === 'false' ? 1 : 0, stdout: Buffer.from(marks.join('')), stderr: Buffer.alloc(0), truncated: false, seconds: 0 };
  };
  const chain = (requests: readonly RunRequest[], onOutcome?: (i: number, o: Outcome) => void): readonly Outcome[] => {
    let stopped = false;
    return requests.map((request, i) => {
      const outcome: Outcome = stopped ? { state: 'not-run', status: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), truncated: false, seconds: 0 } : outcomeOf(request);
      stopped ||= outcome.status !== 0;
      onOutcome?.(i, outcome);
      return outcome;
    });
  };
  const runner: Runner = { run: (r) => Promise.resolve(outcomeOf(r)), chain: (rs, _signal, on) => Promise.resolve(chain(rs, on)) };
  const connection = { runner: () => Promise.resolve(runner), look: (_become: unknown, request: RunRequest) => Promise.resolve(outcomeOf(request)), close: () => Promise.resolve() } as unknown as Connection; // what a session uses
  return new HostSession({ name: 'h', checkMode, connect: () => Promise.resolve(connection), kill, opening: { script: rawScript(': lock'), timeoutSeconds: 5, impatience: undefined }, sharing: undefined, limit: (work) => work() });
}

function pendingOf(change: Change, more: Partial<PendingChange> = {}): PendingChange {
  return { change, identity: me, environment: {}, timeoutSeconds: 60, before: undefined, done: () => { log.lines.push(`done ${change.resource}`); }, ...more };
}
function shell(text: string, effects: readonly Effect[] = [], more: Partial<PendingChange> = {}): PendingChange {
  return pendingOf({ resource: text, what: 'run', script: rawScript(text), effects }, more);
}
function put(key: string, value: string, more: Partial<PendingChange> = {}, took = true): PendingChange {
  return pendingOf({
    resource: `entry ${key}`,
    what: 'put',
    effects: [entry(key).is(value)],
    call: (port) => {
      const { log: own } = port.clients.get(maps, log);
      own.lines.push(`put ${key}`);
      if (took) own.values.set(key, value);
      return Promise.resolve();
    },
  }, more);
}
function failing(error: Error, more: Partial<PendingChange> = {}): PendingChange {
  return pendingOf({ resource: 'entry f', what: 'put', effects: [], call: () => Promise.reject(error) }, more);
}

describe('order', () => {
  test('a service is asked after the shell changes that wait were made', async () => {
    const session = fresh();
    await session.enqueue(shell('one'));
    await session.enqueue(shell('two'));
    await session.observe(me, [entry('a'), entry('b')]);
    expect(log.lines).toEqual(['lock', 'one', 'two', 'done one', 'done two', 'open', 'ask a b']);
  });

  test('consecutive service changes go together and are confirmed together', async () => {
    const session = fresh();
    await session.enqueue(shell('one'));
    await session.enqueue(put('a', '1'));
    await session.enqueue(put('b', '2'));
    expect(log.lines).toEqual(['lock', 'one', 'done one']);
    await session.enqueue(shell('two'));
    expect(log.lines.slice(3)).toEqual(['open', 'put a', 'put b', 'ask a b', 'done entry a', 'done entry b']);
    await session.flush();
    expect(log.lines.slice(9)).toEqual(['two', 'done two']);
  });

  test('a question to the shell waits for the service changes before it', async () => {
    const session = fresh();
    await session.enqueue(put('a', '1'));
    await session.observe(me, [unitWord('u'), entry('b')]);
    expect(log.lines).toEqual(['lock', 'open', 'put a', 'ask a', 'done entry a', 'probe u', 'ask b']);
  });

  test("a change of another user's sends what waits", async () => {
    const session = fresh();
    await session.enqueue(put('a', '1'));
    await session.enqueue(put('b', '2', { identity: other }));
    expect(log.lines.at(-1)).toBe('done entry a');
    expect(session.hasPending).toBe(true);
  });

  test('what a shell change claims of a service is asked for, too', async () => {
    const session = fresh();
    await session.enqueue(shell('one', [entry('a').is('1')]));
    log.values.set('a', '1');
    await session.flush();
    expect(log.lines).toEqual(['lock', 'one', 'open', 'ask a', 'done one']);
  });

  test('notes of handlers are made right before their change', async () => {
    const session = fresh();
    await session.enqueue(put('a', '1', { before: rawScript('note a') }));
    await session.enqueue(put('b', '2', { before: rawScript('note b') }));
    await session.flush();
    expect(log.lines.filter((line) => /note|put/.test(line))).toEqual(['note a', 'put a', 'note b', 'put b']);
  });
});

describe('trouble', () => {
  test('a call that fails stops the rest', async () => {
    const session = fresh();
    const fails = failing(failure('x', 'no', { remedy: 'say yes' }));
    const last = put('b', '2');
    await session.enqueue(put('a', '1'));
    await session.enqueue(fails);
    await session.enqueue(last);
    const error: unknown = await session.flush().catch((e: unknown) => e);
    if (!(error instanceof ChangeFailed)) throw new Error('it did not fail');
    expect([error.pending, error.notRun, error.message]).toEqual([fails, [last], 'no\nTo do: say yes']);
    expect(log.lines).toEqual(['lock', 'open', 'put a', 'done entry a']);
    expect(session.store(me).has(entry('a'))).toBe(false);
  });

  test('a change that did not take is a failure that shows both states', async () => {
    const session = fresh();
    await session.enqueue(put('a', '1'));
    await session.enqueue(put('b', '2', {}, false));
    await expect(session.flush()).rejects.toThrow('entry b: the change was made without an error but did not take: entry b should be "2" and is null');
    expect(log.lines.slice(-1)).toEqual(['done entry a']);
  });

  test('a note that cannot be made holds its change back', async () => {
    const session = fresh();
    await session.enqueue(put('a', '1', { before: rawScript('false') }));
    await expect(session.flush()).rejects.toThrow('the handlers that this may owe cannot be noted on the host: exit status 1');
    expect(log.lines).not.toContain('put a');
  });

  test('a host that is lost is no failure of a change, and what was made by then is known', async () => {
    const session = fresh();
    await session.enqueue(put('a', '1'));
    await session.enqueue(failing(new Diagnostic({ kind: 'unreachable', code: 'connection-lost', summary: 'gone' })));
    await expect(session.flush()).rejects.toMatchObject({ kind: 'unreachable' });
    expect(log.lines).toContain('done entry a');
  });

  test('a call that takes too long is ended', async () => {
    const session = fresh();
    let aborted = false;
    const slow = pendingOf({ resource: 'slow', what: 'x', effects: [], timeoutSeconds: 0.05, call: (port) => new Promise(() => { port.signal.addEventListener('abort', () => { aborted = true; }); }) });
    await session.enqueue(slow);
    await expect(session.flush()).rejects.toThrow('timed out after 0.05 s');
    expect(aborted).toBe(true);
  });

  test('one that is killed is interrupted', async () => {
    const kill = new AbortController();
    const session = fresh(false, kill.signal);
    await session.enqueue(pendingOf({ resource: 'slow', what: 'x', effects: [], call: () => new Promise(() => { setTimeout(() => { kill.abort(); }, 5); }) }));
    await expect(session.flush()).rejects.toMatchObject({ kind: 'interrupted' });
  });
});

describe('what is known', () => {
  test('a command forgets what services have answered', async () => {
    const session = fresh();
    await session.observe(me, [entry('a')]);
    session.believe(me, [forgetAll], 'command');
    expect(session.store(me).has(entry('a'))).toBe(false);
  });

  test.each([['set', unitWord('u').is('running')], ['forgotten', unitWord('u').forget()], ['of a kind that is forgotten', forgetKinds('test-unit-word')]])('so does a unit that is %s', async (_how, effect) => {
    const session = fresh();
    await session.observe(me, [entry('a')]);
    session.believe(me, [effect], 'unit u');
    expect(session.store(me).has(entry('a'))).toBe(false);
  });

  test('another file does not', async () => {
    const session = fresh();
    await session.observe(me, [entry('a')]);
    session.believe(me, [forgetKinds('stat')], 'file x');
    expect(session.store(me).has(entry('a'))).toBe(true);
  });

  test('but what was true of the moment only is forgotten by any change, and by the next task', async () => {
    const session = fresh();
    log.silent = true;
    await session.observe(me, [entry('a')]);
    session.believe(me, [forgetKinds('stat')], 'file x');
    expect(session.store(me).has(entry('a'))).toBe(false);
    await session.observe(me, [entry('a')]);
    log.silent = false;
    session.dropPassing(me);
    await session.observe(me, [entry('a')]);
    expect(session.store(me).value(entry('a'))).toBeNull();
  });

  test('check mode doubts it after any prediction, also for a user who comes later', async () => {
    const session = fresh(true);
    session.believe(me, [forgetKinds('stat')], 'file x');
    log.silent = true;
    await session.observe(other, [entry('a')]);
    expect(session.store(other).uncertain(entry('a'))).toBe('until file x');
    log.silent = false;
    await session.observe(other, [entry('b')]);
    expect(session.store(other).uncertain(entry('b'))).toBeUndefined();
  });

  test('check mode keeps what a predicted unit may change as a guess, and believes predicted entries', async () => {
    const session = fresh(true);
    log.values.set('a', '1');
    await session.observe(me, [entry('a')]);
    session.believe(me, [forgetKinds('test-unit-word')], 'unit u');
    expect([session.store(me).value(entry('a')), session.store(me).uncertain(entry('a'))]).toEqual(['1', 'until unit u']);
    session.believe(me, [entry('a').is('2')], 'entry a');
    expect([session.store(me).value(entry('a')), session.store(me).uncertain(entry('a'))]).toEqual(['2', undefined]);
  });
});

test('clients are kept, and end with the connection', async () => {
  const session = fresh();
  await session.observe(me, [entry('a')]);
  await session.observe(other, [entry('b')]);
  expect(log.lines.filter((l) => l === 'open')).toHaveLength(1);
  session.reconnected();
  await session.observe(me, [entry('a')]);
  await session.close();
  expect(log.lines.filter((l) => /open|close/.test(l))).toEqual(['open', 'close', 'open', 'close']);
});
