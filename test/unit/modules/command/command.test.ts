import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { commandOutput, commandStatus } from '../../../../src/host/kinds/command.ts';
import { pathGlob } from '../../../../src/host/kinds/glob.ts';
import type { ActionResult } from '../../../../src/host/plan.ts';
import { command } from '../../../../src/modules/command/index.ts';
import { commandResult } from '../../../../src/modules/command/result.ts';
import { splitWords } from '../../../../src/modules/command/split.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { interpreterOf, script } from '../../../../src/modules/script/index.ts';
import { shell as shellModule } from '../../../../src/modules/shell/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { observe, planHere, runScript, scratch, shells, sweep, type ExecOptions, type Shell } from '../exec.ts';
import { goldenCases } from '../golden.ts';

goldenCases(command, import.meta.url);
afterEach(sweep);

function run(module: Module, args: unknown, shell: Shell, options: ExecOptions = {}): ActionResult {
  const { plan } = planHere(module, args, { ...options, shell });
  if (plan.type !== 'action' || plan.action.perform.type !== 'script') throw new Error(`planned ${plan.type}`);
  const ran = runScript(shell, plan.action.perform.script);
  return plan.action.perform.result({ state: 'done', status: ran.status, stdout: ran.stdout, stderr: Buffer.from(ran.stderr), truncated: false, seconds: 61.5 });
}

describe.each(shells)('%s', (shell) => {
  test('command: a program with its arguments, never a builtin, inner newlines kept', () => {
    expect(run(command, { argv: ['printf', '%s\\n', "it's $HOME", '*', ''] }, shell)).toMatchObject({ changed: true, values: { rc: 0, stdout: "it's $HOME\n*", stdout_lines: ["it's $HOME", '*'], delta: '0:01:01.500000' } });
    expect(run(command, { cmd: 'echo -e "a\\\\tb"' }, shell).failed).toBeUndefined();
    expect(run(command, { cmd: 'exit 3' }, shell)).toMatchObject({ failed: true, values: { rc: 127 }, msg: expect.stringContaining('no such program') as string });
    expect(run(command, { argv: ['sh', '-c', 'echo out; echo why >&2; exit 3'] }, shell)).toMatchObject({ changed: true, failed: true, msg: 'exit status 3: why', values: { rc: 3, stdout: 'out', stderr: 'why' } });
    expect(run(command, { cmd: 'cat', stdin: new Secret('one two') }, shell).values).toMatchObject({ stdout: 'one two' });
    expect(run(command, { cmd: 'cat' }, shell).values).toMatchObject({ stdout: '' });
    expect(run(command, { cmd: 'pwd', chdir: '/usr' }, shell).values).toMatchObject({ stdout: '/usr' });
    expect(run(command, { cmd: 'pwd', chdir: '/no/such' }, shell).failed).toBe(true);
  });

  test('shell: text, pipes, secrets as a file', () => {
    expect(run(shellModule, { cmd: 'printf "%s\\n" b a | sort\necho "$0" >/dev/null' }, shell).values).toMatchObject({ stdout: 'a\nb' });
    const secret = run(shellModule, { cmd: new Secret('echo hunter22-shell; exit 4') }, shell);
    expect(secret).toMatchObject({ failed: true, values: { rc: 4 } });
    expect(JSON.stringify(secret.values?.['cmd'])).not.toContain('hunter22');
    expect(run(shellModule, { cmd: 'set -o pipefail; false | true', executable: '/bin/bash' }, shell).values).toMatchObject({ rc: 1 });
  });

  test('script: by its own interpreter, with arguments', () => {
    const local = { 'a.sh': { content: '#!/bin/sh -e\necho "$1|$2"\nfalse\necho no\n' }, 'plain.sh': { content: 'echo plain "$#"' } };
    expect(run(script, { cmd: 'a.sh "x y" z' }, shell, { local })).toMatchObject({ failed: true, values: { rc: 1, stdout: 'x y|z' } });
    expect(run(script, { cmd: 'plain.sh' }, shell, { local }).values).toMatchObject({ stdout: 'plain 0' });
    expect(run(script, { cmd: 'plain.sh a', executable: 'bash' }, shell, { local }).values).toMatchObject({ stdout: 'plain 1' });
  });

  test('what read-only commands say', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), '');
    const facts = observe(
      [
        commandOutput({ command: 'printf "a\\n\\n"; exit 3' }),
        commandOutput({ command: 'no-such-program-here' }),
        commandOutput({ command: 'cat; ls', chdir: dir }),
        commandStatus({ command: 'echo noise; exit 7' }),
        commandStatus({ command: 'true', chdir: '/no/such/place' }),
      ],
      shell,
    );
    expect(facts.slice(0, 4)).toEqual([{ rc: 3, stdout: 'a\n\n' }, { rc: 127, stdout: '' }, { rc: 0, stdout: 'f\n' }, 7]);
    expect(facts[4]).not.toBe(0);
  });

  test('patterns', () => {
    const dir = scratch();
    mkdirSync(join(dir, "it's $HOME"));
    for (const name of ['a.o', 'b.o', 'c d.o', 'x[1]']) writeFileSync(join(dir, "it's $HOME", name), '');
    const base = `${dir}/it's $HOME`;
    expect(observe([pathGlob(`${base}/*.o`), pathGlob(`${base}/[ab].o`), pathGlob(`${base}/?.x`), pathGlob(`${base}/a*`)], shell)).toEqual([
      [`${base}/a.o`, `${base}/b.o`, `${base}/c d.o`],
      [`${base}/a.o`, `${base}/b.o`],
      [],
      [`${base}/a.o`],
    ]);
  });
});

test('a command that creates its guard is not run again', () => {
  const dir = scratch();
  const args = { cmd: `touch ${dir}/done`, creates: `${dir}/done` };
  run(command, args, 'dash');
  expect(readFileSync(`${dir}/done`, 'utf8')).toBe('');
  expect(planHere(command, args).plan.type).toBe('ok');
});

test.each([
  ['#!/bin/sh\n', ['/bin/sh']],
  ['#! /usr/bin/env -S python3 -u\nx', ['/usr/bin/env', '-S python3 -u']],
  ['echo no\n#!/bin/false', ['/bin/sh']],
  ['', ['/bin/sh']],
])('interpreter of %j', (text, expected) => {
  expect(interpreterOf(text)).toEqual(expected);
});

test.each([
  ['', []],
  [`a ''  "" b`, ['a', '', '', 'b']],
  [`"a\\b\\"c\\\\" 'x\\y' z\\\\`, ['a\\b"c\\', 'x\\y', 'z\\']],
  ['"a', { problem: 'the double quote at character 1 is not closed' }],
  ['a\\', { problem: 'there is nothing after the last backslash' }],
])('words of %j', (line, expected) => {
  expect(splitWords(line)).toEqual(expected);
});

test('a command that took too long, and bytes that are no UTF-8', () => {
  const late = commandResult({ state: 'timed-out', status: 143, stdout: Buffer.from([0xff, 0x0a]), stderr: Buffer.alloc(0), truncated: true, seconds: 10 }, 'x');
  expect(late).toMatchObject({ failed: true, msg: expect.stringContaining('timed out after 10 s') as string, values: { stdout: '\ufffd', truncated: true } });
});

test('a secret that the cut of a long output goes through is masked whole', () => {
  const secret = new Secret('half-of-this-would-be-too-much');
  const said = `${secret.reveal()}${'x'.repeat(1990)}`;
  const result = commandResult({ state: 'done', status: 1, stdout: Buffer.alloc(0), stderr: Buffer.from(said), truncated: false, seconds: 0 }, 'cmd');
  expect(result.msg).not.toContain('too-much');
});
