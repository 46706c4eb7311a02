import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { defineQuery } from '../../../src/host/define-query.ts';
import { ChangeFailed, HostSession } from '../../../src/host/host-session.ts';
import { failure } from '../../../src/support/diagnostic.ts';
import { rawScript } from '../../../src/support/shell.ts';
import type { Connection, Outcome, Runner, RunRequest } from '../../../src/transport/types.ts';

const word = defineQuery<string, string>({
  name: 'test-word', id: (k) => k, describe: (k) => `word ${k}`,
  probe: (keys) => keys.map((k) => `care_mark; printf '%s' ${k}`).join('\n'),
  parse: (keys, output) => keys.map((_key, i) => output.sections[i]?.toString('latin1') ?? ''),
});

/** A host that leaves out the middle of what is longer than `limit`, as the runner does. */
function sessionOn(limit: number): HostSession {
  const run = (request: RunRequest): Outcome => {
    const all = spawnSync('dash', ['-c', request.script.text]).stdout;
    const truncated = all.length > limit;
    const stdout = truncated ? Buffer.concat([all.subarray(0, limit / 2), all.subarray(all.length - limit / 2)]) : all;
    return { state: 'done', status: 0, stdout, stderr: Buffer.alloc(0), truncated, seconds: 0 };
  };
  const runner: Runner = {
    run: (request) => Promise.resolve(run(request)),
    chain: (requests) => Promise.resolve(requests.map(run)),
  };
  const connection = { runner: () => Promise.resolve(runner), look: (_become: unknown, request: RunRequest) => Promise.resolve(run(request)), close: () => Promise.resolve() } as unknown as Connection; // what an observation uses
  return new HostSession({ name: 'h', checkMode: false, connect: () => Promise.resolve(connection), kill: new AbortController().signal, opening: undefined, sharing: undefined, limit: (work) => work() });
}

it('asks in parts what is too long to be answered at once, and never mixes up answers', async () => {
  const session = sessionOn(200);
  const identity = { become: undefined, user: 'me' };
  const words = Array.from({ length: 20 }, (_, i) => `w${String(i)}`);
  await session.observe(identity, words.map((w) => word(w)));
  const store = session.store(identity);
  expect(words.map((w) => store.value(word(w)))).toEqual(words);
});

it('refuses one answer that is too long by itself', async () => {
  const session = sessionOn(40);
  await expect(session.observe({ become: undefined, user: 'me' }, [word('x'.repeat(100))])).rejects.toThrow(/h: the state of word x+ is longer than/);
});

const unreadable = defineQuery<string, string>({
  name: 'test-unreadable', id: (k) => k, describe: (k) => `the unreadable ${k}`, probe: () => 'echo x',
  parse: () => { throw new Error('it makes no sense'); },
});

it('tells of changes that were made when what was asked along can not be read', async () => {
  const session = sessionOn(10_000);
  const identity = { become: undefined, user: 'me' };
  const done: string[] = [];
  const change = { resource: 'a thing', what: 'make', script: rawScript('true'), effects: [] };
  await session.enqueue({ change, identity, environment: {}, timeoutSeconds: 5, before: undefined, done: () => { done.push('a thing'); } });
  await expect(session.observe(identity, [unreadable('answer')])).rejects.toThrow(/the unreadable answer/);
  expect(done).toEqual(['a thing']);
});

/** A host whose scripts answer as they are told to, one chain after another. */
function sessionThat(chain: Runner['chain'], opening?: RunRequest): HostSession {
  const connection = { runner: () => Promise.resolve({ run: () => Promise.reject(new Error('no')), chain }), close: () => Promise.resolve() } as unknown as Connection; // what an action uses
  return new HostSession({ name: 'h', checkMode: false, connect: () => Promise.resolve(connection), kill: new AbortController().signal, opening: opening === undefined ? undefined : { ...opening, impatience: undefined }, sharing: undefined, limit: (work) => work() });
}

const me = { become: undefined, user: 'me' };
const outcome = (state: Outcome['state'], status: number, stdout: Buffer = Buffer.alloc(0)): Outcome => ({ state, status, stdout, stderr: Buffer.alloc(0), truncated: false, seconds: 0 });
const answerOf = (request: RunRequest): Outcome => outcome('done', 0, spawnSync('dash', ['-c', request.script.text]).stdout);

it('asks along with an action, in a script of its own that is never in one session with it, what holds afterwards', async () => {
  const sent: (readonly RunRequest[])[] = [];
  const session = sessionThat((requests, _signal, told) => {
    sent.push(requests);
    const outcomes = requests.map(answerOf);
    outcomes.forEach((each, i) => told?.(i, each));
    return Promise.resolve(outcomes);
  });
  const { outcome: acted, learn } = await session.act(me, { script: rawScript('echo acted'), timeoutSeconds: 5 }, [word('after')]);
  expect([acted.stdout.toString(), sent.map((requests) => requests.map((r) => r.apart === true))]).toEqual(['acted\n', [[true, false]]]);
  const store = session.store(me);
  expect(store.has(word('after'))).toBe(false);
  session.forgetEverything();
  learn();
  expect(store.value(word('after'))).toBe('after');
});

it('learns nothing from what an action that failed kept from being asked', async () => {
  const session = sessionThat((requests, _signal, told) => {
    const outcomes = requests.map((_request, i) => (i === 0 ? outcome('done', 1) : outcome('not-run', 0)));
    outcomes.forEach((each, i) => told?.(i, each));
    return Promise.resolve(outcomes);
  });
  const { outcome: acted, learn } = await session.act(me, { script: rawScript('false'), timeoutSeconds: 5 }, [word('after')]);
  learn();
  expect([acted.status, session.store(me).has(word('after'))]).toEqual([1, false]);
});

it('does not blame an action for what was asked along and makes no sense', async () => {
  const session = sessionThat((requests, _signal, told) => {
    const outcomes = requests.map(answerOf);
    outcomes.forEach((each, i) => told?.(i, each));
    return Promise.resolve(outcomes);
  });
  const { outcome: acted, learn } = await session.act(me, { script: rawScript('echo acted'), timeoutSeconds: 5 }, [word('after'), unreadable('later')]);
  learn();
  expect([acted.stdout.toString(), session.store(me).has(unreadable('later'))]).toEqual(['acted\n', false]);
});

it('does not tell of an action as done that was kept from being run by the lock of another run', async () => {
  const sent: number[] = [];
  const session = sessionThat((requests, _signal, told) => {
    sent.push(requests.length);
    const outcomes = requests.map((_request, i) => (i === 0 ? outcome('done', 75, Buffer.from('the host is in use')) : outcome('not-run', 0)));
    outcomes.forEach((each, i) => told?.(i, each));
    return Promise.resolve(outcomes);
  }, { script: rawScript('lock'), timeoutSeconds: 5 });
  await expect(session.act(me, { script: rawScript('echo acted'), timeoutSeconds: 5 }, [word('after')])).rejects.toMatchObject({ kind: 'locked', code: 'host-locked' });
  expect(sent).toEqual([3]);
});

it('tells of an action that was over when the connection was lost under what was asked along', async () => {
  const lost = new Error('lost');
  const { outcome: acted } = await sessionThat((_requests, _signal, told) => {
    told?.(0, outcome('done', 0, Buffer.from('done')));
    return Promise.reject(lost);
  }).act(me, { script: rawScript('echo done'), timeoutSeconds: 5 }, [word('after')]);
  expect(acted.stdout.toString()).toBe('done');
  await expect(sessionThat(() => Promise.reject(lost)).act(me, { script: rawScript('echo done'), timeoutSeconds: 5 }, [word('after')])).rejects.toBe(lost);
});

it('takes the lock of the host again when the shell that it hung on has ended', async () => {
  const sent: string[][] = [];
  const make = (): { alive: boolean } & Pick<Runner, 'chain'> => ({
    alive: true,
    chain: (requests) => {
      sent.push(requests.map((request) => request.script.text));
      return Promise.resolve(requests.map(() => outcome('done', 0)));
    },
  });
  let current = make();
  const connection = { runner: () => Promise.resolve(current), close: () => Promise.resolve() } as unknown as Connection; // what a script uses
  const session = new HostSession({ name: 'h', checkMode: false, connect: () => Promise.resolve(connection), kill: new AbortController().signal, opening: { script: rawScript('lock'), timeoutSeconds: 5, impatience: undefined }, sharing: undefined, limit: (work) => work() });
  const run = (text: string): Promise<Outcome> => session.run(me, { script: rawScript(text), timeoutSeconds: 5 });
  await run('a');
  await run('b');
  current.alive = false;
  current = make();
  await run('c');
  await run('d');
  expect(sent).toEqual([['lock', 'a'], ['b'], ['lock', 'c'], ['d']]);
});

it('charges what could not be sent to the change that it was, and believes nothing of it', async () => {
  const noRoom = failure('no-space-for-script', 'h: a script could not be stored on the host');
  const session = sessionThat((_requests, _signal, told) => {
    told?.(0, outcome('done', 0));
    return Promise.reject(noRoom);
  });
  const done: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const change = { resource: name, what: 'make', script: rawScript('true'), effects: [word(name).is('made')] };
    await session.enqueue({ change, identity: me, environment: {}, timeoutSeconds: 5, before: undefined, done: () => { done.push(name); } });
  }
  const charged = await session.observe(me, [word('later')]).then(() => undefined, (error: unknown) => error);
  expect(charged).toBeInstanceOf(ChangeFailed);
  const { pending, notRun, message } = charged as ChangeFailed;
  expect([pending.change.resource, notRun.map((each) => each.change.resource), done]).toEqual(['b', ['c'], ['a']]);
  expect(message).toContain('could not be stored');
  expect(['a', 'b', 'c'].map((name) => session.store(me).has(word(name)))).toEqual([false, false, false]);
});
