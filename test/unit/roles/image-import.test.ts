/** Images that role container_runtime imports, with a stand-in for ctr; the drill imports real ones. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PROGRAM = path.join(import.meta.dirname, '../../../roles/container_runtime/files/care-image-import');
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-images-'));
  for (const each of ['pinned', 'ours']) writeFileSync(path.join(directory, each), '');
  writeFileSync(path.join(directory, 'ctr'), `#!/bin/sh\ncd '${directory}'\ncase "$*" in *'images ls -q labels."io.cri-containerd.pinned"==pinned') cat pinned ;; *'images ls -q labels."care-provision.imported"==yes') cat ours ;; *) shift 2; echo "$*" >>calls ;; esac\n`);
  chmodSync(path.join(directory, 'ctr'), 0o755);
  writeFileSync(path.join(directory, 'pause.tar'), 'x');
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

function run(shell: readonly [string, ...string[]], words: readonly string[]): Promise<number> {
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, PROGRAM, ...words], { env: { PATH: process.env['PATH'] ?? '', CARE_CTR: path.join(directory, 'ctr') }, timeout: 20_000 }, (error) => { resolve(error === null ? 0 : Number(error.code)); });
  });
}
const calls = (): readonly string[] => (existsSync(path.join(directory, 'calls')) ? readFileSync(path.join(directory, 'calls'), 'utf8').trim().split('\n') : []);

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-image-import, %s', (_name, shell) => {
  test('imports an image and pins it, so that kubelet does not delete it; those of an earlier list are let go', async () => {
    const word = `registry/pause:3=${directory}/pause.tar`;
    writeFileSync(path.join(directory, 'ours'), 'registry/pause:2\nregistry/pause:3\n');
    expect(await run(shell, ['--present', word])).toBe(1);
    expect(await run(shell, [word])).toBe(0);
    expect(calls()).toEqual([`images import ${directory}/pause.tar`, 'images label registry/pause:3 io.cri-containerd.pinned=pinned care-provision.imported=yes', 'images label registry/pause:2 io.cri-containerd.pinned= care-provision.imported=']);
    writeFileSync(path.join(directory, 'pinned'), 'registry/pause:3\n');
    expect(await run(shell, ['--present', word])).toBe(0);
  });

  test('one that is there but not pinned is not there for good', async () => {
    writeFileSync(path.join(directory, 'pause.tar.imported'), 'x');
    expect(await run(shell, ['--present', `registry/pause:3=${directory}/pause.tar`])).toBe(1);
  });
});
