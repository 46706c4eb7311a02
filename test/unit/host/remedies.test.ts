import { expect, it } from 'vitest';
import { remedyFor, withoutScriptName } from '../../../src/host/remedies.ts';

it.each([
  ['9: mktemp: not found', /brings mktemp/],
  ['sh: sha256sum: not found', /brings sha256sum/],
  ['bash: line 1: foo: command not found', /brings foo/],
  ["cat: write error: No space left on device", /df -h/],
  ["mktemp: failed to create file via template '/x': Read-only file system", /findmnt/],
  ["mv: cannot move 'a' to 'b': Operation not permitted", /lsattr/],
  ["mktemp: failed to create file: Permission denied", /become: true/],
  ['E: Could not get lock /var/lib/dpkg/lock-frontend', /another package tool/],
  ['useradd: user a exists', undefined],
])('%s', (said, remedy) => {
  if (remedy === undefined) expect(remedyFor(said)).toBeUndefined();
  else expect(remedyFor(said)).toMatch(remedy);
});

it('leaves the name of the script file out', () => {
  expect(withoutScriptName('/dev/shm/.care-d22e70a5a51fb82e19/s4: 22: chown: not found\nx /etc/.care-a/s')).toBe('chown: not found\nx /etc/.care-a/s');
  // From a row: dash, busybox.
  expect(withoutScriptName('/run/.care-0a/s12: 45: eval: chown: not found')).toBe('chown: not found');
  expect(withoutScriptName('/run/.care-0a/s12: eval: line 45: chown: not found')).toBe('chown: not found');
});
