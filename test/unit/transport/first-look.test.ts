/** A runner's first look: what a host is asked along with the start of its shell. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { attach, sh } from '../../../src/support/shell.ts';
import { HeldRunner } from '../../../src/transport/runner.ts';
import { alive, connect, dir, request, shells, text, until } from './local-runner.ts';

describe.each(shells)('the first look of a runner under %s', (name, shell, prelude) => {
  const file = (what: string): string => `${dir}/${what}-${name.replaceAll(/\W+/g, '-')}`;

  it.concurrent('answers with status and output, byte for byte, and scripts come after it', async (context) => {
    const connection = connect(context, shell, prelude);
    const look = connection.look(undefined, request(`printf 'a\\0b\\n\\nabcdef E 1 0 d 0 0 0 0'; [ "$(cat)" = '' ]; cd /tmp; umask 077; exit 7`));
    const runner = await connection.runner(undefined);
    const after = runner.run(request('echo "$(pwd) $(umask)"'));
    expect(await look).toMatchObject({ state: 'done', status: 7, truncated: false, stdout: Buffer.from('a\0b\n\nabcdef E 1 0 d 0 0 0 0') });
    expect(text(await after)).toMatch(/^\/ 0?022\n$/);
    expect(text(await connection.look(undefined, request('echo again')))).toBe('again\n');
  });

  it.concurrent('says how it ended, by the last command too, which the shell may become', async (context) => {
    expect(await connect(context, shell, prelude).look(undefined, request('echo x; (exit 5)'))).toMatchObject({ state: 'done', status: 5 });
    expect(await connect(context, shell, prelude).look(undefined, request('sh -c "exit 6"'))).toMatchObject({ state: 'done', status: 6 });
  });

  it.concurrent('keeps only so many bytes', async (context) => {
    const connection = connect(context, shell, prelude);
    const long = await connection.look(undefined, request('echo first; head -c 3000000 /dev/zero; echo last', { outputLimit: 4096 }));
    expect(long.truncated).toBe(true);
    expect(long.stdout).toHaveLength(4096);
    expect(text(long).startsWith('first\n')).toBe(true);
    expect(text(await (await connection.runner(undefined)).run(request('echo on')))).toBe('on\n');
  });

  it.concurrent('holds a lock as long as the runner lives', async (context) => {
    const connection = connect(context, shell, prelude);
    const pid = text(await connection.look(undefined, request('echo $care_runner_pid'))).trim();
    expect(alive(pid)).toBe(true);
    expect(text(await (await connection.runner(undefined)).run(request('echo $care_runner_pid'))).trim()).toBe(pid);
    await connection.close();
    expect(await until(() => !alive(pid))).toBe(true);
  });

  it.concurrent('is ended with the connection', async (context) => {
    const connection = connect(context, shell, prelude);
    const looking = connection.look(undefined, request(`echo $care_runner_pid >${file('cut')}; for i in 1 2 3 4 5 6 7 8; do sleep 1; done; echo late >${file('late')}`));
    looking.catch(() => undefined);
    expect(await until(() => existsSync(file('cut')) && readFileSync(file('cut'), 'utf8') !== '')).toBe(true);
    connection.cut();
    const pid = readFileSync(file('cut'), 'utf8').trim();
    expect(await until(() => !alive(pid), 3000)).toBe(true);
    await expect(looking).rejects.toBeInstanceOf(Diagnostic);
    expect(existsSync(file('late'))).toBe(false);
  });

  it.concurrent('is ended by a kill and by its time', async (context) => {
    const kill = new AbortController();
    const killed = connect(context, shell, prelude).look(undefined, request('sleep 60'), kill.signal);
    setTimeout(() => { kill.abort(); }, 300);
    await expect(killed).rejects.toMatchObject({ kind: 'interrupted' });
    const connection = connect(context, shell, prelude);
    expect(await connection.look(undefined, request('echo x; sleep 60', { timeoutSeconds: 1 }))).toMatchObject({ state: 'timed-out' });
    // Its output is nobody's any more: the next script has a new runner.
    expect(text(await (await connection.runner(undefined)).run(request('echo on')))).toBe('on\n');
  });

  it.concurrent('tells what the host is able to do, so that the first scripts after it go as a row', async (context) => {
    const connection = connect(context, shell, prelude);
    await connection.look(undefined, request('true'));
    const runner = await connection.runner(undefined);
    if (!(runner instanceof HeldRunner)) throw new Error('not the runner that is meant');
    expect(runner.rows).toBe(true);
    expect((await runner.chain([request('echo 1'), request('echo 2')])).map(text)).toEqual(['1\n', '2\n']);
  });

  it.concurrent('leaves a script that needs files to the runner', async (context) => {
    const outcome = await connect(context, shell, prelude).look(undefined, { script: sh`cat ${attach('with a file\n')}`, timeoutSeconds: 20 });
    expect(text(outcome)).toBe('with a file\n');
  });
});

it('makes no directory on the host unless something is to be run there', async (context) => {
  const connection = connect(context);
  // Its own directory is the runner's `$D`; what lies beside it is of other tests.
  const [pid = '', own] = text(await connection.look(undefined, request('echo "$care_runner_pid ${D:-none}"'))).trim().split(' ');
  expect(own).toBe('none');
  const runner = await connection.runner(undefined);
  const made = text(await runner.run(request('echo "${care_files%/*} $care_runner_pid"'))).trim().split(' ');
  expect(made[1]).toBe(pid);
  expect(existsSync(made[0] ?? '')).toBe(true);
  await connection.close();
  expect(await until(() => !existsSync(made[0] ?? ''))).toBe(true);
});
