import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { Secret } from '../../../src/support/secret.ts';
import { attach, attachFile, sh } from '../../../src/support/shell.ts';
import type { Outcome } from '../../../src/transport/types.ts';
import { alive, connect, dir, directories, has, request, shells, text, until } from './local-runner.ts';

describe.each(shells)('the runner under %s', (name, shell, prelude) => {
  it.concurrent('runs scripts apart from each other, with status and both outputs', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const first = await runner.run(request('A=1; cd /tmp; umask 077; echo out; echo err >&2; exit 3'));
    expect(first).toMatchObject({ state: 'done', status: 3, truncated: false, stdout: Buffer.from('out\n'), stderr: Buffer.from('err\n') });
    expect(text(await runner.run(request('echo "$A:$(pwd):$(umask)"')))).toMatch(/^:\/:0?022\n$/);
    expect((await runner.run(request('kill -TERM $$'))).status).toBe(143);
  });

  it.concurrent('keeps bytes: NUL, 0xff, no final newline, and text that looks like a frame', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const bytes = Buffer.concat([randomBytes(70_000), Buffer.from('\0\xff\nabc E 1 0 d 0 0 0 0\n\n', 'latin1')]);
    const outcome = await runner.run({ script: sh`cat ${attach(bytes)}; cat ${attach(bytes)} >&2`, timeoutSeconds: 20 });
    expect(outcome.stdout.equals(bytes)).toBe(true);
    expect(outcome.stderr.equals(bytes)).toBe(true);
  });

  it.concurrent('keeps head and tail of long output', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const outcome = await runner.run(request('echo first; head -c 5000000 /dev/zero; echo last; echo e >&2', { outputLimit: 4096 }));
    expect(outcome.truncated).toBe(true);
    expect(outcome.stdout).toHaveLength(4096);
    expect(text(outcome).startsWith('first\n')).toBe(true);
    expect(text(outcome).endsWith('last\n')).toBe(true);
    expect(outcome.stderr.toString()).toBe('e\n');
    expect(await runner.run(request('head -c 4096 /dev/zero', { outputLimit: 4096 }))).toMatchObject({ truncated: false });
  });

  it.concurrent('ends the whole group on time-out and goes on', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const outcome = await runner.run(request('sleep 300 & echo $!; sleep 300 & echo $!; wait', { timeoutSeconds: 1 }));
    expect(outcome.state).toBe('timed-out');
    expect(outcome.seconds).toBeGreaterThan(0.9);
    const pids = text(outcome).trim().split('\n');
    expect(pids).toHaveLength(2);
    expect(await until(() => pids.filter(alive).length === 0, 2000)).toBe(true);
    expect(text(await runner.run(request('echo on')))).toBe('on\n');
  });

  it.concurrent('does not wait for a daemon that holds the output, nor end it', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const outcome = await runner.run(request('sleep 60 & echo $!'));
    expect(outcome.seconds).toBeLessThan(5);
    expect(alive(text(outcome))).toBe(true);
    process.kill(Number(text(outcome)));
  });

  it.concurrent('gives scripts nothing of the protocol', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const outcomes = await runner.chain([request('cat; echo eaten'), request('(echo x >&4) 2>/dev/null; echo $?; ls -l /proc/self/fd >&2'), request('echo third')]);
    expect(text(outcomes[0] as Outcome)).toBe('eaten\n');
    // The channel is a pair of sockets here; a script must hold neither.
    expect(text(outcomes[1] as Outcome)).toMatch(/^[12]\n$/);
    expect(outcomes[1]?.stderr.toString()).not.toContain('socket:');
    expect(outcomes[1]?.stderr.toString()).toContain('.care-');
    expect(text(outcomes[2] as Outcome)).toBe('third\n');
  });

  it.concurrent('stops a chain at the first failure, and only that chain', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const order: string[] = [];
    const [bad, good] = await Promise.all([
      runner.chain([request('true'), request('false'), request(`touch ${dir}/never-${name.slice(0, 4)}`), request('true')], undefined, (i, o) => order.push(`${String(i)} ${o.state}`)),
      runner.chain([request('echo a'), request('echo b')]),
    ]);
    expect(bad.map((o) => `${o.state} ${String(o.status)}`)).toEqual(['done 0', 'done 1', 'not-run 0', 'not-run 0']);
    expect(order).toEqual(['0 done', '1 done', '2 not-run', '3 not-run']);
    expect(good.map(text)).toEqual(['a\n', 'b\n']);
    expect(existsSync(join(dir, `never-${name.slice(0, 4)}`))).toBe(false);
    expect((await runner.chain([request('sleep 9', { timeoutSeconds: 1 }), request('true')])).map((o) => o.state)).toEqual(['timed-out', 'not-run']);
  });

  it.concurrent('sends long chains within the credit, in order', async (context) => {
    const runner = await connect(context, shell, prelude).runner(undefined);
    const log = join(dir, `order-${randomBytes(4).toString('hex')}`);
    const big = attach(Buffer.alloc(200_000, 7));
    const outcomes = await runner.chain(Array.from({ length: 40 }, (_, i) => (i % 10 === 5 ? { script: sh`wc -c <${big} >/dev/null; echo ${i} >>${log}`, timeoutSeconds: 20 } : request(`echo ${String(i)} >>${log}`))));
    expect(outcomes.every((o) => o.status === 0)).toBe(true);
    expect(readFileSync(log, 'utf8')).toBe(Array.from({ length: 40 }, (_, i) => `${String(i)}\n`).join(''));
  });

  it.concurrent('delivers attachments, small and large, and removes everything at the end', async (context) => {
    const connection = connect(context, shell, prelude);
    const runner = await connection.runner(undefined);
    const ours = await directories(runner);
    const large = randomBytes(3 * 1024 * 1024 + 17);
    writeFileSync(join(dir, `large ${name}`), large);
    const sum = createHash('sha256').update(large).digest('hex');
    const outcome = await runner.run({
      script: sh`sha256sum <${attachFile(join(dir, `large ${name}`), large.length, sum)}; sha256sum <${attach(Buffer.concat([large, large]))}; cat ${attach('small')}; ls -ld "$care_files"/..; mv ${attach('small')} ${join(dir, `moved ${name}`)}`,
      timeoutSeconds: 30,
    });
    expect(text(outcome)).toContain(sum);
    expect(text(outcome)).toContain(createHash('sha256').update(large).update(large).digest('hex'));
    expect(text(outcome)).toMatch(/small.*drwx------/s);
    expect(readFileSync(join(dir, `moved ${name}`), 'utf8')).toBe('small');
    expect(ours.map((path) => existsSync(path))).toEqual([true, true]);
    await connection.close();
    expect(await until(() => !ours.some((path) => existsSync(path)))).toBe(true);
  });

  it.concurrent('ends the script in hand and starts no other when the controller is gone', async (context) => {
    const connection = connect(context, shell, prelude);
    const runner = await connection.runner(undefined);
    const ours = await directories(runner);
    const log = join(dir, `gone-${randomBytes(4).toString('hex')}`);
    const chain = runner.chain([request(`echo $$ >>${log}; sleep 30`), ...Array.from({ length: 10 }, () => request(`echo more >>${log}`))]);
    const lost = expect(chain).rejects.toBeInstanceOf(Diagnostic);
    expect(await until(() => existsSync(log) && readFileSync(log, 'utf8').endsWith('\n'))).toBe(true);
    const pid = readFileSync(log, 'utf8').trim();
    connection.cut();
    await lost;
    expect(await until(() => !alive(pid))).toBe(true);
    expect(await until(() => !ours.some((path) => existsSync(path)))).toBe(true);
    expect(readFileSync(log, 'utf8').trim()).toBe(pid);
  });
});

describe('the controller side', () => {
  it.concurrent('cuts back the output of a runaway while it runs, keeping head and tail', async (context) => {
    const runner = await connect(context).runner(undefined);
    const outcome = await runner.run(request('echo first; head -c 9000000 /dev/zero; sleep 2.5; wc -c <"${care_files%/*}/o${care_files##*/f}" >&2; head -c 9000000 /dev/zero; sleep 2.5; echo last', { outputLimit: 2048 }));
    expect(outcome).toMatchObject({ state: 'done', status: 0, truncated: true });
    expect(Number(outcome.stderr.toString())).toBeLessThan(1_000_000);
    expect(outcome.stdout).toHaveLength(2048);
    expect(text(outcome).startsWith('first\n')).toBe(true);
    expect(text(outcome).endsWith('\0last\n')).toBe(true);
  });

  it.concurrent('kills what ignores TERM five seconds later', async (context) => {
    const runner = await connect(context).runner(undefined);
    const outcome = await runner.run(request('(trap "" TERM; exec sleep 300) & echo $!; wait', { timeoutSeconds: 1 }));
    expect(outcome.state).toBe('timed-out');
    // KILL has been sent; a busy machine may take a moment to carry it out.
    expect(await until(() => !alive(text(outcome)), 2000)).toBe(true);
  });

  it.concurrent('interrupts the running script and the ones behind it', async (context) => {
    const runner = await connect(context).runner(undefined);
    const abort = new AbortController();
    const log = join(dir, 'abort');
    const chain = runner.chain([request(`echo $$ >${log}; sleep 30`), request(`echo more >>${log}`)], abort.signal);
    const refused = expect(chain).rejects.toMatchObject({ kind: 'interrupted' });
    expect(await until(() => existsSync(log) && readFileSync(log, 'utf8') !== '')).toBe(true);
    abort.abort();
    await refused;
    expect(alive(readFileSync(log, 'utf8'))).toBe(false);
    expect(text(await runner.run(request(`cat ${log} | wc -l`))).trim()).toBe('1');
    await expect(runner.run(request('true'), AbortSignal.abort())).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it.concurrent('keeps secrets out of every argument list', async (context) => {
    const runner = await connect(context).runner(undefined);
    const secret = new Secret('very-secret-4711');
    const mark = join(dir, 'secret-started');
    const running = runner.run({ script: sh`touch ${mark}; cat ${attach(secret)}; printf %s "$S"; while [ -e ${mark} ]; do sleep 0.1; done`, environment: { S: secret }, timeoutSeconds: 20 });
    expect(await until(() => existsSync(mark))).toBe(true);
    const lines = readdirSync('/proc').filter((n) => /^\d+$/.test(n) && n !== String(process.pid)).map((n) => {
      try {
        return readFileSync(`/proc/${n}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
    rmSync(mark);
    expect(text(await running)).toBe('very-secret-4711very-secret-4711');
    expect(lines.filter((l) => l.includes('very-secret-4711'))).toEqual([]);
    expect(lines.some((l) => l.includes('eval "$s"'))).toBe(true);
  });

  it.concurrent('rejects what it cannot send, and goes on', async (context) => {
    const runner = await connect(context).runner(undefined);
    await expect(runner.run(request('true', { environment: { 'a-b': '1' } }))).rejects.toMatchObject({ code: 'bad-environment-name' });
    await expect(runner.run({ script: sh`cat ${attachFile(join(dir, 'absent'), 10, 'f'.repeat(64))}`, timeoutSeconds: 5 })).rejects.toMatchObject({ code: 'attachment-unreadable' });
    writeFileSync(join(dir, 'short'), Buffer.alloc(1024 * 1024 + 1));
    await expect(runner.run({ script: sh`cat ${attachFile(join(dir, 'short'), 2 * 1024 * 1024, 'f'.repeat(64))}`, timeoutSeconds: 5 })).rejects.toMatchObject({ code: 'upload-failed' });
    expect(text(await runner.run(request('echo still')))).toBe('still\n');
  });

  it.concurrent('says that the runner was killed, and starts a new one', async (context) => {
    const connection = connect(context);
    const runner = await connection.runner(undefined);
    await expect(runner.run(request('kill -KILL $(cut -d" " -f4 /proc/$$/stat); sleep 30'))).rejects.toMatchObject({ kind: 'failed', code: 'runner-ended' });
    expect(text(await (await connection.runner(undefined)).run(request('echo new')))).toBe('new\n');
  });

  it.concurrent('tells a missing shell', async (context) => {
    const runner = await connect(context, '/nonexistent/sh').runner(undefined);
    await expect(runner.run(request('true'))).rejects.toMatchObject({ code: 'no-shell' });
  });

  it.concurrent('discards what a login shell prints before the runner', async (context) => {
    const runner = await connect(context, '/bin/sh', 'echo "Welcome"; printf "no newline"; ').runner(undefined);
    expect(text(await runner.run(request('echo hi')))).toBe('hi\n');
  });

  it.each(['bash', 'dash', 'zsh', 'fish', 'tcsh', 'csh', 'mksh', 'yash'].filter(has))('starts through the login shell %s', async (loginShell) => {
    const connection = connect({ onTestFinished: () => undefined }, '/bin/sh', '', loginShell);
    expect(text(await (await connection.runner(undefined)).run(request('echo "$((6*7))!"')))).toBe('42!\n');
    await connection.close();
  });

  it.concurrent('reads files whole, and says which it cannot', async (context) => {
    const connection = connect(context);
    const bytes = randomBytes(2_000_000);
    writeFileSync(join(dir, "it's a file"), bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of await connection.download(join(dir, "it's a file"), undefined)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    await expect(connection.download('/nonexistent', undefined)).rejects.toMatchObject({ code: 'download-failed' });
    await expect(connection.download('/etc', undefined)).rejects.toMatchObject({ code: 'download-failed' });
  });

  it.concurrent('refuses user names that sudo or a shell could take for something else', async (context) => {
    await expect(connect(context).runner({ user: '-s', password: undefined })).rejects.toMatchObject({ code: 'bad-become-user' });
  });
});
