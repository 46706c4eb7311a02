/** A headless Chromium, spoken to over pipes (Chrome DevTools Protocol, `--remote-debugging-pipe`): no port, no client library. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';

/** The browser of this machine; undefined when there is none. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => existsSync(file));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export interface Page {
  send(method: string, params?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
  /** The value of an expression, evaluated past the page's policy. */
  evaluate(expression: string): Promise<unknown>;
  /** Names and parameters of all events so far. */
  readonly events: readonly { readonly method: string; readonly params: Readonly<Record<string, unknown>> }[];
}

/** Opens a file and hands over its page. */
export async function withPage<T>(file: string, work: (page: Page) => Promise<T>): Promise<T> {
  if (chromium === undefined) throw new Error('there is no Chromium');
  const profile = mkdtempSync(path.join(tmpdir(), 'care-chromium-'));
  const browser = spawn(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [, , , input, output] = browser.stdio;
  if (!(input instanceof Writable) || !(output instanceof Readable)) throw new Error('no pipes to the browser');
  const waiting = new Map<number, { resolve(result: Readonly<Record<string, unknown>>): void; reject(error: Error): void }>();
  const events: Page['events'][number][] = [];
  let kept = '';
  output.on('data', (bytes: Buffer) => {
    const parts = (kept + bytes.toString('utf8')).split('\0');
    kept = parts.pop() ?? '';
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.method !== undefined) events.push({ method: message.method, params: message.params ?? {} });
      const asked = message.id === undefined ? undefined : waiting.get(message.id);
      if (message.error === undefined) asked?.resolve(message.result ?? {});
      else asked?.reject(new Error(message.error.message));
    }
  });
  const ended = new Promise<void>((resolve) => browser.once('exit', () => { resolve(); }));
  void ended.then(() => { for (const asked of waiting.values()) asked.reject(new Error('the browser has ended')); });
  let last = 0;
  const ask = (method: string, params: Readonly<Record<string, unknown>>, sessionId?: unknown): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      input.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });
  try {
    const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
    const send: Page['send'] = (method, params = {}) => ask(method, params, sessionId);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Audits']) await send(`${domain}.enable`);
    await send('Page.navigate', { url: `file://${file}` });
    const until = Date.now() + 30_000;
    while (!events.some((event) => event.method === 'Page.loadEventFired')) {
      if (Date.now() > until) throw new Error('the page did not load');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const evaluate: Page['evaluate'] = async (expression) => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { readonly value?: unknown }).value;
    };
    return await work({ send, evaluate, events });
  } finally {
    browser.kill('SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
