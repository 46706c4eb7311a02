import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileOutput, streamOutput } from '../../../src/cli/terminal/output.ts';
import { ask, type Keyboard, type Terminal } from '../../../src/cli/terminal/prompt.ts';
import { interruption } from '../../../src/cli/terminal/signals.ts';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { register } from './fakes.ts';

class FakeKeyboard extends EventEmitter implements Keyboard {
  raw = false;
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  pause(): void {
    this.emit('paused');
  }
}

function fakeTerminal(): { terminal: Terminal; keyboard: FakeKeyboard; screen: () => string } {
  const keyboard = new FakeKeyboard();
  let screen = '';
  return { keyboard, screen: () => screen, terminal: { keyboard, write: (text) => { screen += text; }, close: () => undefined } };
}

describe('a question on the terminal', () => {
  test('hidden: nothing of the answer is shown, raw mode is given back', async () => {
    const { terminal, keyboard, screen } = fakeTerminal();
    const answer = ask(terminal, 'sudo password', true);
    expect(keyboard.raw).toBe(true);
    // é comes in two chunks; the erased x is no part of the answer.
    for (const bytes of [[0x70, 0xc3], [0xa9, 0x78, 0x7f, 0x73], [0x0d]]) keyboard.emit('data', Buffer.from(bytes));
    expect(await answer).toBe('pés');
    expect(keyboard.raw).toBe(false);
    expect(screen()).toBe('sudo password: \n');
  });

  test('shown: typed text is echoed and Ctrl-U starts over', async () => {
    const { terminal, keyboard, screen } = fakeTerminal();
    const answer = ask(terminal, 'go on', false);
    keyboard.emit('data', Buffer.from('no\u0015yes\n'));
    expect(await answer).toBe('yes');
    expect(screen()).toBe('go on: no\b \b\b \byes\n');
  });

  test.each([
    ['Ctrl-C', '\u0003', 'interrupted'],
    ['Ctrl-D', '\u0004', 'usage'],
    ['far too much', 'x'.repeat(5000), 'usage'],
  ])('%s ends it', async (_name, typed, kind) => {
    const { terminal, keyboard } = fakeTerminal();
    const answer = ask(terminal, 'q', true);
    keyboard.emit('data', Buffer.from(typed));
    await expect(answer).rejects.toMatchObject({ kind });
    expect(keyboard.raw).toBe(false);
  });

  test('nobody answers: it gives up', async () => {
    const { terminal } = fakeTerminal();
    await expect(ask(terminal, 'q', true, 20)).rejects.toThrow('no answer within 0.02 s');
  });
});

describe('Ctrl-C', () => {
  function presses(): { source: EventEmitter; said: string[]; left: number[] } & ReturnType<typeof interruption> {
    const source = new EventEmitter();
    const said: string[] = [];
    const left: number[] = [];
    return { source, said, left, ...interruption(source, (line) => said.push(line), (status) => left.push(status)) };
  }

  test('first stops, second kills, third leaves with 130', () => {
    const { source, stop, kill, said, left } = presses();
    source.emit('SIGINT');
    expect([stop.aborted, kill.aborted, left]).toEqual([true, false, []]);
    expect(said).toHaveLength(1);
    source.emit('SIGINT');
    expect([kill.aborted, left]).toEqual([true, []]);
    source.emit('SIGINT');
    expect(left).toEqual([130]);
  });

  test('SIGTERM stops once and never kills', () => {
    const { source, stop, kill, said } = presses();
    source.emit('SIGTERM');
    source.emit('SIGTERM');
    source.emit('SIGHUP');
    expect([stop.aborted, kill.aborted, said.length]).toEqual([true, false, 1]);
  });

  test('afterwards the signals are their own again', () => {
    const { source, stop, ...rest } = presses();
    rest.dispose();
    source.emit('SIGINT');
    expect(stop.aborted).toBe(false);
    expect(source.listenerCount('SIGTERM')).toBe(0);
  });
});

describe('output', () => {
  let directory = '';
  beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'care-cli-')); });
  afterEach(() => { rmSync(directory, { recursive: true }); });

  test('secrets are masked at the sink', () => {
    register('s3cret-of-the-sink');
    const path = join(directory, 'out');
    const output = fileOutput(path);
    output.write('a s3cret-of-the-sink b');
    output.close();
    expect(readFileSync(path, 'utf8')).toBe('a ******** b');
  });

  test('a reader that went away is no error, and gets nothing more', () => {
    const stream = Object.assign(new EventEmitter(), { written: '', write(text: string) { this.written += text; } });
    const output = streamOutput(stream);
    output.write('one');
    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    output.write('two');
    output.close();
    expect(stream.written).toBe('one');
  });

  test('any other write error is told at the end', () => {
    const stream = Object.assign(new EventEmitter(), { write: () => undefined });
    const output = streamOutput(stream);
    stream.emit('error', Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    expect(() => { output.close(); }).toThrow(Diagnostic);
  });

  test('a full disk is told at the end', () => {
    const output = fileOutput('/dev/full');
    output.write('x');
    expect(() => { output.close(); }).toThrow(/cannot write the output file \/dev\/full/);
  });

  test('a file that cannot be opened is refused at once', () => {
    expect(() => fileOutput(join(directory, 'no', 'such', 'place'))).toThrow(/cannot open the output file/);
  });
});
