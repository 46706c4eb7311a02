import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { guestExec, guestLook } from '../../../../src/lab/vm/guest-exec.ts';
import { openMonitor } from '../../../../src/lab/vm/json-socket.ts';

let server: Server | undefined;
let directory = '';
afterEach(() => {
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Something that speaks as QEMU does, at the other end of a real socket. */
async function peer(answer: (command: string, socket: Socket, parameters: Record<string, unknown>) => unknown, greeting = ''): Promise<string> {
  directory = mkdtempSync(join(tmpdir(), 'care-qmp-'));
  const path = join(directory, 's');
  server = createServer((socket) => {
    socket.write(greeting);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('utf8').split('\n').filter((each) => each !== '')) {
        const asked = JSON.parse(line) as { execute: string; arguments?: Record<string, unknown> };
        const said = answer(asked.execute, socket, asked.arguments ?? {});
        if (said !== undefined) socket.write(`${JSON.stringify(said)}\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

it('passes over the greeting and events, and gives QEMU’s own words when it refuses', async () => {
  const path = await peer((command, socket) => {
    if (command !== 'cont') return { return: {} };
    socket.write('{"event": "RESUME"}\n');
    return { error: { class: 'GenericError', desc: 'not now' } };
  }, '{"QMP": {"version": {}}}\n');
  const monitor = await openMonitor(path);
  await expect(monitor.ask('cont')).rejects.toThrow('QEMU refused cont: not now');
  expect(await monitor.ask('stop')).toEqual({});
  monitor.close();
});

it('runs a command in a guest, and reads what came of it', async () => {
  let polls = 0;
  const path = await peer((command, socket, parameters) => {
    if (command === 'guest-sync') {
      // Left over from a conversation that was cut off.
      socket.write('{"return": {"exited": false}}\n{"error": {"class": "GenericError", "desc": "stale"}}\n');
      return { return: parameters['id'] };
    }
    if (command === 'guest-exec') return { return: { pid: 7 } };
    polls += 1;
    return { return: polls < 3 ? { exited: false } : { exited: true, exitcode: 3, 'out-data': Buffer.from('out\n').toString('base64') } };
  });
  expect(await guestExec(path, ['x'], { timeoutMs: 5_000 })).toEqual({ status: 3, stdout: 'out\n', stderr: '' });
});

it('says 255, as ssh does, when no guest answers', async () => {
  const silent = await peer(() => undefined);
  const ran = await guestExec(silent, ['true'], { timeoutMs: 200 });
  expect([ran.status, ran.stderr]).toEqual([255, expect.stringContaining('no answer')]);
  expect((await guestExec(join(directory, 'none'), ['true'], { timeoutMs: 200 })).status).toBe(255);
});

it('kills in the guest what does not end, and a look at a busy guest goes on', async () => {
  const asked: unknown[] = [];
  const path = await peer((command, _socket, parameters) => {
    if (command === 'guest-sync') return { return: parameters['id'] };
    asked.push(parameters['path'] ?? command);
    return command === 'guest-exec' ? { return: { pid: 7 } } : { return: { exited: false } };
  });
  await expect(guestExec(path, ['sleep', '9'], { timeoutMs: 100 })).rejects.toThrow('sleep 9 did not end in the guest in time');
  expect(asked).toEqual(['sleep', ...Array.from({ length: asked.length - 2 }, () => 'guest-exec-status'), 'kill']);
  expect((await guestLook(path, ['systemctl', 'is-system-running'], 100)).status).toBe(124);
});
