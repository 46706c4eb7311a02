import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { pause } from '../../../../src/modules/pause/index.ts';
import { ping } from '../../../../src/modules/ping/index.ts';
import { reboot } from '../../../../src/modules/reboot/index.ts';
import { waitFor } from '../../../../src/modules/wait_for/index.ts';
import { waitForConnection } from '../../../../src/modules/wait_for_connection/index.ts';
import { Diagnostic } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { runScript, scratch, sweep } from '../exec.ts';
import { converse, fakePort, outcome } from './port.ts';

const host = fakeHost({});
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  sweep();
});
async function listen(port = 0, banner = ''): Promise<number> {
  const server = createServer((socket) => socket.end(banner));
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
const lost = new Diagnostic({ kind: 'unreachable', code: 'lost', summary: 'connection lost' });

describe('wait_for', () => {
  test('a port that is open, one that opens later, one that stays closed', async () => {
    const port = await listen();
    expect(await converse(waitFor.prepare({ port }).plan(host), fakePort({}))).toMatchObject({ changed: false, values: { state: 'started' } });
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
    const late = converse(waitFor.prepare({ port, timeout: 5 }).plan(host), fakePort({}));
    await listen(port);
    expect((await late).failed).toBeUndefined();
    const closed = await converse(waitFor.prepare({ port: 1, timeout: 0.05, msg: 'not up' }).plan(host), fakePort({}));
    expect(closed).toMatchObject({ failed: true, msg: 'not up' });
  });

  test('check mode looks once, and does not fail for what is not there yet', async () => {
    const port = fakePort({ sleep: () => Promise.reject(new Error('slept')) });
    expect(await converse(waitFor.prepare({ port: 1, delay: 5 }).plan(fakeHost({ check: true })), port)).toMatchObject({ changed: false, msg: expect.stringContaining('check mode does not wait') as string });
  });

  test('what a port sends', async () => {
    const port = await listen(0, 'SSH-2.0-OpenSSH_9\r\n');
    expect((await converse(waitFor.prepare({ port, search_regex: '^SSH-2\\.0' }).plan(host), fakePort({}))).failed).toBeUndefined();
    const other = await converse(waitFor.prepare({ port, search_regex: 'dropbear', timeout: 0.05 }).plan(host), fakePort({}));
    expect(other).toMatchObject({ failed: true, msg: expect.stringContaining('does not match') as string });
    expect(waitFor.prepare({ port, search_regex: '(?=x)' }).plan(host)).toMatchObject({ type: 'failed', remedy: expect.stringContaining('RE2') as string });
  });

  test('a port that never answers is given up', async () => {
    const silent = fakePort({ forward: () => new Promise(() => undefined) });
    const started = performance.now();
    expect(await converse(waitFor.prepare({ port: 9, timeout: 0.1, connect_timeout: 0.05 }).plan(host), silent)).toMatchObject({ failed: true, msg: expect.stringContaining('no answer within 0.05 s') as string });
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test('paths, present and absent, with a pattern, by real scripts', async () => {
    const dir = scratch();
    const port = fakePort({
      run: (script) => {
        const ran = runScript('dash', script);
        return Promise.resolve(outcome(ran.status, ran.stdout.toString(), ran.stderr));
      },
    });
    expect((await converse(waitFor.prepare({ path: dir }).plan(host), port)).failed).toBeUndefined();
    expect((await converse(waitFor.prepare({ path: `${dir}/x`, state: 'absent' }).plan(host), port)).failed).toBeUndefined();
    expect(await converse(waitFor.prepare({ path: `${dir}/x`, timeout: 0.05 }).plan(host), port)).toMatchObject({ failed: true, msg: expect.stringContaining('does not exist') as string });
    expect((await converse(waitFor.prepare({ path: '/etc/passwd', search_regex: '^root:' }).plan(host), port)).failed).toBeUndefined();
    expect((await converse(waitFor.prepare({ path: '/etc/passwd', search_regex: '^nobody-at-all:', timeout: 0.05 }).plan(host), port)).failed).toBe(true);
  });

  test('a lost connection to the host is not a closed port', async () => {
    await expect(converse(waitFor.prepare({ port: 1, state: 'stopped' }).plan(host), fakePort({ forward: () => Promise.reject(lost) }))).rejects.toBe(lost);
  });

  test('it needs a port or a path', () => {
    expect(() => waitFor.prepare({})).toThrow(/either port or path/);
    expect(() => waitFor.prepare({ port: 1, path: '/x' })).toThrow();
    expect(() => waitFor.prepare({ port: 1, state: 'drained' })).toThrow();
  });
});

describe('reboot', () => {
  /** A host that goes down after the request and comes back with another boot id. */
  function machine(options: { readonly downFor: number; readonly neverDown?: boolean; readonly cut?: boolean }): { port: ReturnType<typeof fakePort>; asked: string[] } {
    let state: 'up' | 'down' = 'up';
    let boot = 'boot-1';
    let tries = 0;
    const asked: string[] = [];
    const port = fakePort({
      run: (script) => {
        asked.push(script.text);
        if (script.text.includes('boot_id')) return Promise.resolve(outcome(0, `${boot}\n`));
        if (/shutdown|reboot/.test(script.text)) {
          if (options.neverDown !== true) state = 'down';
          if (options.cut === true) return Promise.reject(lost);
        }
        return Promise.resolve(outcome(0));
      },
      reconnect: () => {
        tries += 1;
        if (state === 'down' && tries <= options.downFor) return Promise.reject(lost);
        if (state === 'down') boot = 'boot-2';
        state = 'up';
        return Promise.resolve();
      },
    });
    return { port, asked };
  }

  test('is done when another boot answers, also when the request was cut off', async () => {
    for (const cut of [false, true]) {
      const { port, asked } = machine({ downFor: 3, cut });
      expect(await converse(reboot.prepare({ test_command: 'systemctl is-system-running' }).plan(host), port)).toMatchObject({ changed: true, values: { rebooted: true } });
      expect(asked.at(-1)).toBe('systemctl is-system-running');
    }
  });

  test('a host that only answers again as the same boot has not rebooted', async () => {
    const { port } = machine({ downFor: 0, neverDown: true });
    expect(await converse(reboot.prepare({ reboot_timeout: 0.1 }).plan(host), port)).toMatchObject({ failed: true, msg: expect.stringContaining('same boot') as string });
  });

  test('a refused request fails at once', async () => {
    const port = fakePort({ run: (script) => Promise.resolve(/shutdown/.test(script.text) ? outcome(1, '', 'Access denied') : outcome(0, 'b')) });
    expect(await converse(reboot.prepare({}).plan(host), port)).toMatchObject({ changed: false, failed: true, msg: expect.stringContaining('Access denied') as string });
  });
});

test('wait_for_connection tries again until the host answers', async () => {
  let tries = 0;
  const port = fakePort({ reconnect: () => (++tries < 3 ? Promise.reject(lost) : Promise.resolve()) });
  expect((await converse(waitForConnection.prepare({}).plan(host), port)).failed).toBeUndefined();
  expect(tries).toBe(3);
  expect(await converse(waitForConnection.prepare({ timeout: 0.05 }).plan(host), fakePort({ reconnect: () => Promise.reject(lost) }))).toMatchObject({ failed: true, msg: expect.stringContaining('connection lost') as string });
});

test('pause waits, asks, and does not take silence for an answer', async () => {
  const slept: number[] = [];
  const port = fakePort({ sleep: (s) => Promise.resolve(void slept.push(s)), prompt: (q, o) => Promise.resolve(`${q} ${String(o?.hidden)}`) });
  await converse(pause.prepare({ minutes: 2 }).plan(host), port);
  expect(slept).toEqual([120]);
  expect((await converse(pause.prepare({ prompt: 'Go?' }).plan(host), port)).values).toEqual({ user_input: 'Go? false' });
  const hidden = await converse(pause.prepare({ prompt: 'Word?', echo: false }).plan(host), port);
  expect(hidden.values?.['user_input']).toBeInstanceOf(Secret);
  expect(await converse(pause.prepare({ prompt: 'Go?' }).plan(host), fakePort({}))).toMatchObject({ failed: true });
  expect(pause.prepare({ seconds: 5 }).plan(fakeHost({ check: true })).type).toBe('skipped');
  expect(() => pause.prepare({ seconds: 1, minutes: 1 })).toThrow();
});

test('ping runs sh', () => {
  const plan = ping.prepare({}).plan(host);
  if (plan.type !== 'action' || plan.action.perform.type !== 'script') throw new Error('no script');
  const ran = runScript('dash', plan.action.perform.script);
  expect(plan.action.perform.result(outcome(ran.status, ran.stdout.toString()))).toEqual({ changed: false, values: { ping: 'pong' } });
  expect(plan.action.perform.result(outcome(0, 'motd\n'))).toMatchObject({ failed: true });
});
