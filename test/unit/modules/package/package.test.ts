import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { packageState } from '../../../../src/host/kinds/package.ts';
import { packageModule } from '../../../../src/modules/package/index.ts';
import { parseDebName } from '../../../../src/modules/package/deb.ts';
import { upgradeResult } from '../../../../src/modules/package/latest.ts';
import { parseSpec } from '../../../../src/modules/package/schema.ts';
import { aptScript, denyServices, POLICY_MARK } from '../../../../src/modules/package/shell.ts';
import type { Outcome } from '../../../../src/transport/types.ts';
import { joinScripts, rawScript } from '../../../../src/support/shell.ts';
import { runText, scratch, shells, sweep } from '../exec.ts';
import { checkCase, goldenCases, type GoldenCase } from '../golden.ts';

goldenCases(packageModule, import.meta.url);
afterEach(sweep);

// `undefined` facts cannot be written in YAML.
const absent = { state: 'absent', hold: false, providedBy: [] };
const special: readonly GoldenCase[] = [
  {
    name: 'check mode does not know the version of what an earlier task installs',
    args: { name: 'bc=1.7' },
    check: true,
    facts: { package: { bc: { ...absent, state: 'installed' } }, 'package-version': { bc: undefined } },
    uncertain: { 'package-version:bc': 'until package bc' },
    expect: { plan: 'unknown', msg: 'until package bc' },
  },
  {
    name: 'a virtual package is there when an installed one provides it',
    args: { name: 'awk' },
    facts: { package: { awk: { ...absent, providedBy: ['mawk'] } }, 'apt-candidate': { '/awk': { version: undefined } } },
    expect: { plan: 'ok' },
  },
  {
    name: 'a real package is not there because another one provides its name',
    args: { name: 'postfix' },
    facts: { package: { postfix: { ...absent, providedBy: ['other'] } }, 'apt-candidate': { '/postfix': { version: '3.10' } } },
    expect: { plan: 'changes', changes: [{ resource: 'package postfix', what: 'install' }] },
  },
  {
    name: 'a .deb by its name',
    args: { deb: 'files/tool_1%3a2.0-1_amd64.deb' },
    facts: { package: { tool: absent }, 'package-version': { tool: undefined } },
    local: { 'files/tool_1%3a2.0-1_amd64.deb': { content: 'deb' } },
    expect: { plan: 'changes', changes: [{ resource: 'package tool', what: 'install 1:2.0-1 from files/tool_1%3a2.0-1_amd64.deb', has: ["'tool 1:2.0-1'", 'dpkg-deb -W'], effects: [{ 'forget-kinds': 'all' }, { set: 'package:tool' }, { set: 'package-version:tool', value: '1:2.0-1' }] }] },
  },
];
test.each(special.map((c) => [c.name, c] as const))('%s', (_, golden) => {
  checkCase(packageModule, golden);
});

test('names', () => {
  expect(parseSpec('libc6:i386=2.41-12~x+b1')).toEqual({ name: 'libc6:i386', version: '2.41-12~x+b1' });
  expect(parseSpec('Chrony')).toBeUndefined();
  expect(parseSpec('--purge')).toBeUndefined();
  expect(parseSpec('a= 1')).toBeUndefined();
  expect(parseDebName('/x/tool_1.2~rc1_arm64.deb')).toEqual({ name: 'tool', version: '1.2~rc1', architecture: 'arm64' });
  expect(packageState('x').id).toBe('package:x');
});

test('an upgrade tells what it did by the versions before and after', () => {
  const outcome = (status: number, stdout: string): Outcome => ({ state: 'done', status, stdout: Buffer.from(stdout), stderr: Buffer.from('E: broken'), truncated: false, seconds: 1 });
  expect(upgradeResult(outcome(0, 'care-versions: bc 1; \nReading…\ncare-versions: bc 1; \n'))).toEqual({ changed: false });
  expect(upgradeResult(outcome(0, 'care-versions: bc 1; \ncare-versions: bc 2; \n'))).toMatchObject({ changed: true, msg: 'bc 1; → bc 2;' });
  expect(upgradeResult(outcome(100, ''))).toEqual({ changed: false, failed: true, msg: 'E: broken' });
});

describe.each(shells)('policy-rc.d under %s', (shell) => {
  /** The fragment against a folder of ours in place of /usr/sbin, with a systemctl that knows one running unit. */
  function trial(body: string, before?: string): { readonly path: string; readonly output: string } {
    const folder = scratch();
    const path = join(folder, 'policy-rc.d');
    writeFileSync(join(folder, 'systemctl'), '#!/bin/sh\necho "ssh.service loaded active running x"\n');
    chmodSync(join(folder, 'systemctl'), 0o755);
    if (before !== undefined) writeFileSync(path, before);
    const text = joinScripts([rawScript(`set -eu\nPATH=${folder}:$PATH\n(`), rawScript(denyServices(undefined).text.replaceAll('/usr/sbin/policy-rc.d', path)), rawScript(`${body.replaceAll('POLICY', path)}\n)`)]).text;
    return { path, output: runText(shell, text).stdout.toString() };
  }

  test('lets running services restart, starts no other, and is gone afterwards', () => {
    const { path, output } = trial('for u in ssh ssh.service chrony.service; do POLICY $u restart && echo "$u yes" || echo "$u $?"; done');
    expect(output).toBe('ssh yes\nssh.service yes\nchrony.service 101\n');
    expect(existsSync(path)).toBe(false);
  });
  test('is gone after a failure, and has no effect once its maker is', () => {
    const { path } = trial('cp POLICY POLICY.copy; false');
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.copy`, 'utf8')).toContain(POLICY_MARK);
    expect(runText(shell, `sh ${path}.copy chrony.service start; echo $?`).stdout.toString()).toBe('0\n');
  });
  test("leaves the host's own policy alone", () => {
    const { path } = trial(':', '#!/bin/sh\nexit 0\n');
    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });
});

describe.each(shells)('care_install under %s', (shell) => {
  /** A whole installation script against an apt-get that fails in the given way until lists are fetched. */
  function trial(saying: string): { readonly status: number; readonly calls: string; readonly stderr: string } {
    const folder = scratch();
    const calls = join(folder, 'calls');
    writeFileSync(
      join(folder, 'apt-get'),
      `#!/bin/sh\nfor a do case $a in update | install) echo "$a" >>${calls}; w=$a ;; esac; done\n[ "$w" = update ] && { touch ${folder}/fresh; exit 0; }\n[ -e ${folder}/fresh ] || { echo "${saying}" >&2; exit 100; }\n`,
    );
    for (const name of ['dpkg', 'mkdir']) writeFileSync(join(folder, name), '#!/bin/sh\nexit 0\n');
    for (const name of ['apt-get', 'dpkg', 'mkdir']) chmodSync(join(folder, name), 0o755);
    const body = rawScript(`set -eu\nPATH=${folder}:$PATH\n${aptScript(rawScript('care_install install -- bc'), 0).text.replaceAll('/var/lib/apt/periodic', folder).replaceAll('/usr/sbin/policy-rc.d', join(folder, 'policy')).replaceAll('/var/lib/dpkg', folder)}`);
    const ran = runText(shell, body.text);
    return { status: ran.status, calls: readFileSync(calls, 'utf8'), stderr: ran.stderr };
  }

  test('tries once more with fresh lists when the lists are to blame', () => {
    expect(trial('E: Failed to fetch http://x  404  Not Found [IP: 192.0.2.1 80]')).toMatchObject({ status: 0, calls: 'install\nupdate\ninstall\n' });
  });
  test('and not otherwise', () => {
    const { status, calls, stderr } = trial('E: held broken packages');
    expect([status, calls]).toEqual([100, 'install\n']);
    expect(stderr).toContain('held broken packages');
  });
});
