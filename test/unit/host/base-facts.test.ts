import { execFileSync } from 'node:child_process';
import { cpus, hostname, release, totalmem, userInfo } from 'node:os';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { baseFacts, parseBaseFacts } from '../../../src/host/base-facts.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import type { BaseFacts } from '../../../src/host/view.ts';

function here(shell: readonly string[]): BaseFacts {
  const probe = makeProbe([baseFacts(null)]);
  const out = execFileSync(shell[0] ?? 'sh', shell.slice(1), { input: probe.script.text, stdio: ['pipe', 'pipe', 'ignore'] });
  return probe.read('here', out).get(baseFacts(null).id) as BaseFacts;
}

describe.each([[['/bin/sh']], [['busybox', 'sh']]])('base facts by %j', (shell) => {
  test('are those of this machine', () => {
    const facts = here(shell);
    expect(facts).toMatchObject({
      hostname: hostname().split('.')[0],
      kernel: release(),
      user_id: userInfo().username,
      processor_vcpus: cpus().length,
      memtotal_mb: Math.floor(totalmem() / 1024 / 1024),
      boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      machine_id: readFileSync('/etc/machine-id', 'utf8').trim(),
    });
    const id = /^ID=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
    expect(facts.distribution.toLowerCase()).toBe(id.replaceAll('"', ''));
    expect(Math.abs(facts.epoch - Date.now() / 1000)).toBeLessThan(30);
  });
});

test.each([['online 0', 1], ['online 0-3', 4], ['online 0-3,8,10-11', 7], ['2', 2], ['', 1], ['online ', 1], ['nonsense', 1]])('%j means %i processors', (text, count) => {
  const sections = Array.from({ length: 11 }, (_, i) => Buffer.from(i === 3 ? text : ''));
  expect(parseBaseFacts({ head: Buffer.alloc(0), sections }).processor_vcpus).toBe(count);
});
