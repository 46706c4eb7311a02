import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { Secret } from '../../../src/support/secret.ts';
import { attach, attachFile, rawScript, sh } from '../../../src/support/shell.ts';
import { encodeRow, ROW_SCRIPTS, type RowScript } from '../../../src/transport/rows.ts';
import type { Outcome, Runner, RunRequest } from '../../../src/transport/types.ts';
import { alive, connect, dir, directories, request, shells, text, until } from './local-runner.ts';

type Context = Pick<TestContext, 'onTestFinished'>;

/** A runner that has said that it takes rows, and how to cut it off. */
async function warm(context: Context, shell = '/bin/sh', prelude = ''): Promise<{ readonly runner: Runner; readonly cut: () => void; readonly close: () => Promise<void> }> {
  const connection = connect(context, shell, prelude);
  const runner = await connection.runner(undefined);
  await runner.run(request('true'));
  expect(runner.rows).toBe(true);
  return { runner, cut: connection.cut, close: () => connection.close() };
}

const words = (outcomes: readonly Outcome[]): readonly string[] => outcomes.map((o) => `${o.state} ${String(o.status)} ${text(o).trim()}`);
/** The session that a script runs in: the same for all of a row. */
const session = 'cut -d" " -f6 /proc/self/stat';

describe.each(shells)('rows, by the runner under %s', (_name, shell, prelude) => {
  it.concurrent('run in one session, each by itself, with status and both outputs', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const outcomes = await runner.chain([
      request('A=1; set -eu; cd /tmp; umask 077; trap "echo bye" EXIT; echo out; echo err >&2'),
      request('echo "${A-none}:$(pwd):$(umask):$#:$-"; cat'),
      request(session), request(session),
    ]);
    expect(outcomes.map((o) => `${o.state} ${String(o.status)}`)).toEqual(['done 0', 'done 0', 'done 0', 'done 0']);
    expect([text(outcomes[0] as Outcome), outcomes[0]?.stderr.toString()]).toEqual(['out\nbye\n', 'err\n']);
    expect(text(outcomes[1] as Outcome)).toMatch(/^none:\/:0?022:0:[^eu]*\n$/);
    expect(text(outcomes[2] as Outcome)).toBe(text(outcomes[3] as Outcome));
    // Another chain is another session.
    expect(text((await runner.chain([request(session), request('true')]))[0] as Outcome)).not.toBe(text(outcomes[2] as Outcome));
  });

  it.concurrent('the third of five fails: what was made is told, it fails with its own output, the others are not run', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const order: string[] = [];
    const never = join(dir, `never-${randomBytes(4).toString('hex')}`);
    const outcomes = await runner.chain([request('echo 1'), request('echo 2'), request('echo 3; echo why >&2; exit 7'), request(`touch ${never}`), request(`touch ${never}`)], undefined, (i, o) => order.push(`${String(i)} ${o.state}`));
    expect(words(outcomes)).toEqual(['done 0 1', 'done 0 2', 'done 7 3', 'not-run 0 ', 'not-run 0 ']);
    expect(outcomes[2]?.stderr.toString()).toBe('why\n');
    expect(order).toEqual(['0 done', '1 done', '2 done', '3 not-run', '4 not-run']);
    expect(existsSync(never)).toBe(false);
    expect(text(await runner.run(request('echo on')))).toBe('on\n');
  });

  it.concurrent('a time-out of one ends it and what it has started; those before it are done, those behind it not run', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const outcomes = await runner.chain([request('echo 1; sleep 1.5', { timeoutSeconds: 10 }), request('echo 2; sleep 300 & echo $!; wait', { timeoutSeconds: 1 }), request('echo 3')]);
    expect(outcomes.map((o) => o.state)).toEqual(['done', 'timed-out', 'not-run']);
    const [said, pid] = text(outcomes[1] as Outcome).trim().split('\n');
    expect(said).toBe('2');
    expect(outcomes[1]?.seconds).toBeGreaterThan(0.9);
    expect(await until(() => !alive(pid ?? ''), 2000)).toBe(true);
    expect(text(await runner.run(request('echo on')))).toBe('on\n');
  });

  it.concurrent('one that kills its shell fails, and nothing behind it is run', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    expect(words(await runner.chain([request('echo 1'), request('echo 2; kill -KILL $$; sleep 5'), request('echo 3')]))).toEqual(['done 0 1', 'done 137 2', 'not-run 0 ']);
    expect(words(await runner.chain([request('echo 1'), request('foo ( bar'), request('echo 3')])).map((w) => w.replace(/ [12] /, ' n '))).toEqual(['done 0 1', 'done n ', 'not-run 0 ']);
  });

  it.concurrent('text, bytes, secrets and large files arrive, in order, and nothing of them stays', async (context) => {
    const { runner, close } = await warm(context, shell, prelude);
    const ours = await directories(runner);
    const bytes = randomBytes(5000);
    const all = Array.from({ length: 0x800 }, (_, i) => String.fromCharCode(i + 1)).join('') + "€'\\\r\n\n";
    const large = randomBytes(1024 * 1024 + 5);
    writeFileSync(join(dir, 'large'), large);
    const same = attach('the same');
    const outcomes = await runner.chain([
      { script: sh`cat ${attach(all)}`, timeoutSeconds: 20 },
      { script: sh`cat ${attach(bytes)}; mv ${same} ${join(dir, 'moved')}`, timeoutSeconds: 20 },
      { script: sh`cat ${attachFile(join(dir, 'large'), large.length, createHash('sha256').update(large).digest('hex'))} | wc -c`, timeoutSeconds: 20 },
      { script: sh`cat ${same} ${attach('')}; printf %s "$S" >&2`, environment: { S: new Secret("very-secret-47'11") }, timeoutSeconds: 20 },
      request('echo "${S-none}"'),
    ]);
    expect(outcomes.map((o) => `${o.state} ${String(o.status)}`)).toEqual(Array.from({ length: 5 }, () => 'done 0'));
    expect(text(outcomes[0] as Outcome)).toBe(all);
    expect(outcomes[1]?.stdout.equals(bytes)).toBe(true);
    expect(text(outcomes[2] as Outcome).trim()).toBe(String(large.length));
    expect([text(outcomes[3] as Outcome), outcomes[3]?.stderr.toString(), text(outcomes[4] as Outcome)]).toEqual(['the same', "very-secret-47'11", 'none\n']);
    // Of what ran, nothing is left even before the end, but the large file.
    expect(await until(() => ours.every((path) => readdirSync(path).every((name) => name === 'g' || name === 'u')), 3000)).toBe(true);
    await close();
    expect(await until(() => !ours.some((path) => existsSync(path)))).toBe(true);
  });

  it.concurrent('cut off in the middle: the one in hand is ended, no other begins, what was made had been told, no file stays', async (context) => {
    const { runner, cut } = await warm(context, shell, prelude);
    const ours = await directories(runner);
    const log = join(dir, `gone-${randomBytes(4).toString('hex')}`);
    const told: string[] = [];
    const secret = attach(new Secret('very-secret-0815'));
    const chain = runner.chain([request('echo 1'), request(`echo $$ >>${log}; sleep 30`), { script: sh`cat ${secret} >>${log}`, timeoutSeconds: 5 }], undefined, (i, o) => told.push(`${String(i)} ${o.state}`));
    const lost = expect(chain).rejects.toBeInstanceOf(Diagnostic);
    expect(await until(() => existsSync(log) && readFileSync(log, 'utf8').endsWith('\n') && told.length > 0)).toBe(true);
    const pid = readFileSync(log, 'utf8').trim();
    cut();
    await lost;
    expect(told).toEqual(['0 done']);
    expect(await until(() => !alive(pid))).toBe(true);
    expect(await until(() => !ours.some((path) => existsSync(path)))).toBe(true);
    expect(readFileSync(log, 'utf8').trim()).toBe(pid);
  });

  it.concurrent('long output keeps head and tail, and text that looks like a frame is text', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const frame = 'e 2 0 10 d\nx 2 0\nabc E 3 0 d 0 0 0 0\n';
    const outcomes = await runner.chain([request('echo first; head -c 5000000 /dev/zero; echo last', { outputLimit: 4096 }), request(`printf ${JSON.stringify(frame)}; (echo x >&3) 2>/dev/null; (echo x >&4) 2>/dev/null; ls -l /proc/self/fd >&2`)]);
    expect(outcomes[0]).toMatchObject({ truncated: true, state: 'done' });
    expect(outcomes[0]?.stdout).toHaveLength(4096);
    expect(text(outcomes[0] as Outcome)).toMatch(/^first\n[^]*last\n$/);
    expect(text(outcomes[1] as Outcome)).toBe(frame);
    expect(outcomes[1]?.stderr.toString()).not.toMatch(/ [3-9] -> (?:socket|pipe):/);
  });

  it.concurrent('interrupting ends the one in hand and starts no other', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const abort = new AbortController();
    const log = join(dir, `abort-${randomBytes(4).toString('hex')}`);
    const told: string[] = [];
    const chain = runner.chain([request('true'), request(`echo $$ >${log}; sleep 30`), request(`echo more >>${log}`), request(`echo more >>${log}`)], abort.signal, (i) => told.push(String(i)));
    const refused = expect(chain).rejects.toMatchObject({ kind: 'interrupted' });
    expect(await until(() => existsSync(log) && readFileSync(log, 'utf8') !== '' && told.length > 0)).toBe(true);
    abort.abort();
    await refused;
    expect(told).toEqual(['0']);
    expect(await until(() => !alive(readFileSync(log, 'utf8').split('\n')[0] ?? ''), 2000)).toBe(true);
    expect(text(await runner.run(request(`cat ${log} | wc -l`))).trim()).toBe('1');
  });

  it.concurrent('more than a row holds go in several, in order, one after another', async (context) => {
    const { runner } = await warm(context, shell, prelude);
    const log = join(dir, `order-${randomBytes(4).toString('hex')}`);
    const big = attach('x'.repeat(60_000));
    const count = 2 * ROW_SCRIPTS + 20;
    const outcomes = await runner.chain(Array.from({ length: count }, (_, i) => (i % 10 === 5 ? { script: sh`wc -c <${big} >/dev/null; echo ${i} >>${log}`, timeoutSeconds: 20 } : request(`echo ${String(i)} >>${log}`))));
    expect(outcomes.every((o) => o.state === 'done' && o.status === 0)).toBe(true);
    expect(readFileSync(log, 'utf8')).toBe(Array.from({ length: count }, (_, i) => `${String(i)}\n`).join(''));
  });
});

describe('rows', () => {
  it.concurrent('what was done, and not yet heard of, when all was interrupted is told of as done', async (context) => {
    const connection = connect(context);
    const runner = await connection.runner(undefined);
    await runner.run(request('true'));
    connection.hold();
    const log = join(dir, `made-${randomBytes(4).toString('hex')}`);
    const abort = new AbortController();
    const told: string[] = [];
    const chain = runner.chain([request('echo 1'), request('echo 2'), request(`echo 3 >${log}; sleep 30`), request('echo 4')], abort.signal, (i, o) => told.push(`${String(i)} ${o.state} ${text(o).trim()}`));
    const refused = expect(chain).rejects.toMatchObject({ kind: 'interrupted' });
    expect(await until(() => existsSync(log))).toBe(true);
    expect(told).toEqual([]);
    abort.abort();
    connection.release();
    await refused;
    expect(told).toEqual(['0 done 1', '1 done 2']);
  });

  it.concurrent('scripts that want to stay together are in one session, if they fit', async (context) => {
    const { runner } = await warm(context);
    const kept: readonly RunRequest[] = [request(session), ...Array.from({ length: 9 }, () => request(session, { keepWithPrevious: true }))];
    const outcomes = await runner.chain([...Array.from({ length: ROW_SCRIPTS - 4 }, () => request(session)), ...kept]);
    expect(new Set(outcomes.slice(-10).map(text)).size).toBe(1);
    expect(new Set(outcomes.map(text)).size).toBe(2);
  });

  it.concurrent('a script whose work another of its row has done counts as done, and only then', async (context) => {
    const { runner } = await warm(context);
    const marked = (name: string, mark: string): RunRequest => request(`echo ${name}`, { unless: mark });
    expect(words(await runner.chain([request('echo first; true >"$care_files"/.mark'), marked('a', '.mark'), marked('b', '.other'), marked('c', '')]))).toEqual(['done 0 first', 'done 0 ', 'done 0 b', 'done 0 c']);
    // Not of its row.
    expect(words(await runner.chain([request('echo first'), marked('a', '.mark')]))).toEqual(['done 0 first', 'done 0 a']);
  });

  it.concurrent('what cannot be sent fails by itself, after those before it', async (context) => {
    const { runner } = await warm(context);
    const told: string[] = [];
    const bad = { script: sh`cat ${attachFile(join(dir, 'absent'), 10, 'f'.repeat(64))}`, timeoutSeconds: 5 };
    await expect(runner.chain([request('true'), request('true'), bad, request('true')], undefined, (i, o) => told.push(`${String(i)} ${o.state}`))).rejects.toMatchObject({ code: 'attachment-unreadable' });
    expect(told.sort()).toEqual(['0 done', '1 done', '3 not-run']);
  });

  it.concurrent('a host that cannot store an attachment says so, and runs nothing behind it', async (context) => {
    const { runner } = await warm(context);
    const mark = join(dir, 'not-stored');
    // The first script takes away the place where the second one's text is to be put.
    const chain = runner.chain([request('rm -rf "$care_files"/*; chmod 500 "$care_files"; ln -s /dev/full "$care_files"/'.concat(attach('text').id)), { script: sh`cat ${attach('text')}; touch ${mark}`, timeoutSeconds: 5 }]);
    await expect(chain).rejects.toBeInstanceOf(Diagnostic);
    await expect(chain).rejects.toMatchObject({ code: 'no-space-for-script' });
    expect(existsSync(mark)).toBe(false);
  });
});

describe.each(['dash', 'busybox', 'bash'])('a session of %s', (shell) => {
  const files = mkdtempSync(join(dir, 'files-'));
  const one = (sequence: number, script: ReturnType<typeof rawScript>): RowScript => ({
    sequence, timeoutSeconds: 5, outputLimit: 1024, prelude: 'hello() { echo "hello $1"; }', unless: '', body: Buffer.from(script.text),
    files: script.attachments.map(({ id, content, copied }) => ({ id, bytes: content.kind === 'bytes' ? content.bytes : Buffer.alloc(0), copied: copied === true })),
  });
  const argv = { dash: ['dash'], busybox: ['busybox', 'sh'], bash: ['bash', '--posix'] }[shell] ?? [];

  it('says what begins and how it ends, keeps text in variables, and defines preludes once', () => {
    const [program = '', ...rest] = argv;
    const d = join(files, 'd');
    const f = join(files, "care's");
    mkdirSync(d);
    mkdirSync(f);
    const copied = { ...attach("it's text"), copied: true };
    const { body } = encodeRow([one(4, sh`set -eu; hello a; care_cat ${copied}`), one(5, sh`hello b; cat ${attach('a file')}; ls "$care_files" | wc -l`), one(6, sh`nosuch-tool`), one(7, sh`echo never`)]);
    expect(body.toString().split('hello()')).toHaveLength(2);
    const s = join(files, 's4');
    writeFileSync(s, body);
    const ran = spawnSync('sh', ['-c', `"$@" 3>${join(files, 'said')}`, 'sh', program, ...rest, s, d], { env: { ...process.env, care_files: f } });
    expect([ran.status, ran.stdout.toString(), ran.stderr.toString()]).toEqual([0, '', '']);
    expect(readFileSync(join(files, 'said'), 'utf8')).toBe('s 4 0 1024\ne 4 0 1024 d\ns 5 0 1024\ne 5 0 1024 d\ns 6 0 1024\ne 6 127 1024 d\n');
    expect(readFileSync(join(f, '.o4'), 'utf8')).toBe("hello a\nit's text");
    expect(readFileSync(join(f, '.o5'), 'utf8')).toMatch(/^hello b\na file *1\n$/);
    expect(existsSync(join(f, copied.id))).toBe(false);
    expect(statSync(join(f, '.e6')).size).toBeGreaterThan(0);
  });
});
