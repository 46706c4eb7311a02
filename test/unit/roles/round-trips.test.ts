/** How far control planes are from each other, with a stand-in for ping; the drill asks real hosts. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SHELLS } from './support/kubernetes-programs.ts';

const PROGRAM = path.join(import.meta.dirname, '../../../roles/kubernetes/files/round-trips.sh');
const PING = `#!/bin/sh
for address do :; done
case $address in 192.0.2.13) exit 1 ;; esac
cat <<END
PING $address ($address) 56(84) bytes of data.

--- $address ping statistics ---
5 packets transmitted, 5 received, 0% packet loss, time 805ms
rtt min/avg/max/mdev = 79.902/80.417/81.030/0.388 ms
END
`;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-round-trips-'));
  writeFileSync(path.join(directory, 'ping'), PING);
  chmodSync(path.join(directory, 'ping'), 0o755);
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

const told = ([shell, ...first]: readonly [string, ...string[]], input: string): Promise<unknown> => new Promise((resolve, reject) => {
  const env = { CARE_ROUND_TRIPS_PATH: `${directory}:${process.env['PATH'] ?? ''}`, CARE_ROUND_TRIPS_CONFIG: path.join(directory, 'cluster.yaml'), TMPDIR: directory, PATH: process.env['PATH'] };
  const child = execFile(shell, [...first, PROGRAM], { timeout: 20_000, env }, (error, stdout) => {
    if (error === null) resolve(JSON.parse(stdout));
    else reject(new Error(error.message));
  });
  child.stdin?.end(input);
});

test.each(SHELLS)('tells averages of those that answer, and the heartbeat that is configured, %s', async (_name, shell) => {
  expect(await told(shell, 'k2 192.0.2.12\nk3 192.0.2.13\n')).toEqual({ round_trips: { k2: 80.417 }, heartbeat_ms: 0 });
  writeFileSync(path.join(directory, 'cluster.yaml'), 'etcd:\n  local:\n    extraArgs:\n      - { name: heartbeat-interval, value: "110" }\n      - { name: election-timeout, value: "1100" }\n');
  expect(await told(shell, 'k2 192.0.2.12\nk4 192.0.2.14\n')).toEqual({ round_trips: { k2: 80.417, k4: 80.417 }, heartbeat_ms: 110 });
  expect(await told(shell, '')).toEqual({ round_trips: {}, heartbeat_ms: 110 });
});

test('is silent where there is no ping yet, as in a dry run on a bare host', async () => {
  rmSync(path.join(directory, 'ping'));
  writeFileSync(path.join(directory, 'ping'), '');
  expect(await told(['dash'], 'k2 192.0.2.12\n')).toEqual({ round_trips: {}, heartbeat_ms: 0 });
});
