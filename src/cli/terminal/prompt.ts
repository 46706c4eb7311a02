/** Questions to the person at the terminal. Bounded in time and length; refused where nobody is there. */
import { openSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { Diagnostic } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';

/** Longest answer, in characters. */
const LONGEST = 4096;
const TIMEOUT_MS = 5 * 60_000;

/** The keyboard side of a terminal: what of tty.ReadStream is needed. */
export interface Keyboard {
  setRawMode(raw: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'error', listener: (error?: Error) => void): unknown;
  removeAllListeners(): unknown;
  pause(): unknown;
}

export interface Terminal {
  readonly keyboard: Keyboard;
  write(text: string): void;
  close(): void;
}

const noTerminal = (question: string, cause?: unknown): Diagnostic =>
  new Diagnostic({
    kind: 'usage',
    code: 'no-terminal',
    summary: `there is no terminal to ask on: ${question}`,
    remedy: 'run it from a terminal, or give the value as an encrypted variable of the inventory (for sudo: ansible_become_password)',
    cause,
  });

/** The controlling terminal, whatever stdin and stdout are. @throws Diagnostic `no-terminal` */
export function openTerminal(question: string): Terminal {
  try {
    const descriptor = openSync('/dev/tty', 'r+');
    const keyboard = new ReadStream(descriptor);
    const screen = new WriteStream(openSync('/dev/tty', 'w'));
    return {
      keyboard,
      write: (text) => void screen.write(text),
      close() {
        keyboard.destroy();
        screen.destroy();
      },
    };
  } catch (error) {
    throw noTerminal(question, error);
  }
}

const KEY = { enter: ['\r', '\n'], interrupt: '\u0003', end: '\u0004', erase: ['\u007f', '\b'], eraseLine: '\u0015' } as const;

/**
 * Asks one question.
 *
 * @param question printed on one line, with `: ` after it
 * @param hidden true: nothing of the answer is shown
 * @returns what was typed, without the newline
 * @throws Diagnostic `interrupted` on Ctrl-C, `usage` on end of input, after five minutes, or when too long
 */
export async function ask(terminal: Terminal, question: string, hidden: boolean, timeoutMs = TIMEOUT_MS): Promise<string> {
  const { keyboard } = terminal;
  const refused = (kind: 'usage' | 'interrupted', code: string, summary: string): Diagnostic => new Diagnostic({ kind, code, summary });
  terminal.write(`${safeLine(question).replace(/:$/, '')}: `);
  keyboard.setRawMode(true);
  let typed: string[] = [];
  try {
    return await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(refused('usage', 'no-answer', `no answer within ${String(timeoutMs / 1000)} s to: ${question}`));
      }, timeoutMs);
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        finish();
      };
      const key = (character: string): boolean => {
        if (character === KEY.enter[0] || character === KEY.enter[1]) settle(() => { resolve(typed.join('')); });
        else if (character === KEY.interrupt) settle(() => { reject(refused('interrupted', 'interrupted', 'interrupted at a question')); });
        else if (character === KEY.end) settle(() => { reject(refused('usage', 'no-answer', `no answer to: ${question}`)); });
        else if (character === KEY.erase[0] || character === KEY.erase[1]) {
          if (typed.pop() !== undefined && !hidden) terminal.write('\b \b');
          return true;
        } else if (character === KEY.eraseLine) {
          if (!hidden) terminal.write('\b \b'.repeat(typed.length));
          typed = [];
          return true;
        } else if (character < ' ') return true;
        else {
          typed.push(character);
          if (!hidden) terminal.write(character);
          if (typed.length <= LONGEST) return true;
          settle(() => { reject(refused('usage', 'answer-too-long', `the answer is longer than ${String(LONGEST)} characters: ${question}`)); });
        }
        return false;
      };
      // A streaming decoder: one character may come in two chunks.
      const decoder = new TextDecoder('utf-8');
      keyboard.on('data', (chunk) => {
        for (const character of Array.from(decoder.decode(chunk, { stream: true }))) if (!key(character)) return;
      });
      keyboard.on('end', () => { settle(() => { reject(refused('usage', 'no-answer', `the terminal was closed at: ${question}`)); }); });
      keyboard.on('error', (error) => { settle(() => { reject(noTerminal(question, error)); }); });
    });
  } finally {
    keyboard.removeAllListeners();
    keyboard.pause();
    keyboard.setRawMode(false);
    terminal.write('\n');
  }
}

/** Asks on the controlling terminal. @throws Diagnostic as {@link openTerminal} and {@link ask} do */
export async function askOnTerminal(question: string, hidden: boolean): Promise<string> {
  const terminal = openTerminal(question);
  try {
    return await ask(terminal, question, hidden);
  } finally {
    terminal.close();
  }
}
