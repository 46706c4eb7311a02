/** Starts a stage (runner, upload, download) on a channel, as the login user or through sudo. */
import { randomBytes } from 'node:crypto';
import { failure, type Diagnostic } from '../support/diagnostic.ts';
import { Tail, type ByteChannel, type OpenChannel } from './channel.ts';
import { becomeFailed, connectionLost, quoteHostText } from './errors.ts';
import { FrameReader, type Until } from './frames.ts';
import { isPlainUserName } from './quoting.ts';
import { firstHop, frameStage } from './stages.ts';
import type { Become } from './types.ts';

/** How long sudo and the login shell may take until they ask or say hello. */
const HELLO_SECONDS = 60;

export interface StageHost {
  /** Inventory name, for messages. */
  readonly name: string;
  readonly loginUser: string;
  readonly open: OpenChannel;
}

/** A stage that has been started; its frames go to the callbacks that were given to {@link startStage}. */
export interface Stage {
  readonly nonce: string;
  readonly channel: ByteChannel;
  /** What it has said on stderr, the last 4 KiB. */
  readonly stderr: () => string;
  /** Milliseconds from the first byte sent to the hello: a round trip and a shell's start. Undefined before, and where a password was waited for. */
  readonly helloAfter: () => number | undefined;
  /** True once stage 1 has said hello. */
  readonly greeted: () => boolean;
  /** Why it ended, as an error for people. */
  readonly explainEnd: (during: string) => Promise<Diagnostic>;
}

export interface StageHandlers {
  /** As for {@link FrameReader}; the hello of stage 1 is not passed on. */
  readonly onHeader: (words: readonly string[]) => number | 'raw' | Until;
  readonly onBody: (body: Buffer, cut: boolean) => void;
  /** The stream is no longer ours; the channel has been cut. */
  readonly onBroken: (error: Error) => void;
}

/**
 * Opens a channel and sends the stage.
 *
 * Without a password everything is written at once: the hello is waited for by nobody, which saves a
 * turn on the wire. With one, nothing but the password is written until sudo has asked for it or stage 1
 * has said hello (a host with NOPASSWD never asks, and would read the password as input).
 *
 * @param program makes the text of stage 2 from the nonce
 * @throws Diagnostic when the channel cannot be opened or sudo does not let us
 */
export async function startStage(host: StageHost, become: Become | undefined, program: string, handlers: StageHandlers): Promise<Stage> {
  const nonce = randomBytes(12).toString('hex');
  const sudo = become === undefined || become.user === host.loginUser ? undefined : become;
  if (sudo !== undefined && !isPlainUserName(sudo.user)) {
    throw failure('bad-become-user', `${host.name}: ${JSON.stringify(sudo.user)} is not a user name that can be handed to sudo`);
  }
  const token = sudo?.password === undefined ? undefined : `care-${randomBytes(9).toString('hex')}:`;
  const channel = await host.open(firstHop(nonce, sudo === undefined ? undefined : { user: sudo.user, promptToken: token }));
  const stderr = new Tail(channel.stderr);
  // A write to a closed channel is reported by the channel's end, which everyone awaits.
  channel.stdin.on('error', () => undefined);

  const began = performance.now();
  let helloAfter: number | undefined;
  let greeted = false;
  let hello: (() => void) | undefined;
  const reader = new FrameReader(nonce, (words) => {
    if (words[0] === 'H') {
      greeted = true;
      if (token === undefined) helloAfter = performance.now() - began;
      hello?.();
      return 0;
    }
    return handlers.onHeader(words);
  }, handlers.onBody);
  channel.stdout.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      channel.destroy();
      handlers.onBroken(error instanceof Error ? error : new Error(String(error)));
    }
  });

  const explainEnd = async (during: string): Promise<Diagnostic> => {
    const end = await channel.ended;
    if (end.status === undefined && end.signal === undefined) return connectionLost(host.name, during);
    if (!greeted && sudo !== undefined) return becomeFailed(host.name, host.loginUser, sudo.user, stderr.text);
    const how = end.signal === undefined ? `exit status ${String(end.status)}` : `signal ${end.signal}`;
    const said = quoteHostText(stderr.text);
    return failure(greeted ? 'runner-ended' : 'no-shell', `${host.name}: the shell that runs scripts ended ${during} (${how})`, {
      detail: said === '' ? undefined : `it said: ${said}`,
      remedy: greeted
        ? 'see on the host whether something killed it (journalctl -k for the out-of-memory killer), then run again'
        : `see that ${host.loginUser} has a login shell there and that /bin/sh works: ssh ${host.loginUser}@HOST /bin/sh -c true`,
    });
  };

  const stage: Stage = { nonce, channel, stderr: () => stderr.text, helloAfter: () => helloAfter, greeted: () => greeted, explainEnd };
  if (sudo?.password !== undefined && token !== undefined) {
    await answerSudo(host, sudo.user, sudo.password.reveal(), token, stage, (resolve) => {
      if (greeted) resolve();
      hello = resolve;
    });
  }
  channel.stdin.write(frameStage(nonce, program));
  return stage;
}

/** Waits for the prompt or the hello; gives the password once. */
async function answerSudo(host: StageHost, user: string, password: string, token: string, stage: Stage, onHello: (resolve: () => void) => void): Promise<void> {
  let asked = 0;
  let seen = '';
  const outcome = await new Promise<'hello' | 'refused' | 'ended' | 'silent'>((resolve) => {
    const timer = setTimeout(() => { resolve('silent'); }, HELLO_SECONDS * 1000);
    const done = (how: 'hello' | 'refused' | 'ended'): void => {
      clearTimeout(timer);
      resolve(how);
    };
    onHello(() => { done('hello'); });
    stage.channel.stderr.on('data', (chunk: Buffer) => {
      // sudo-rs wraps the prompt in text of its own, so the token is looked for anywhere.
      seen = (seen + chunk.toString('latin1')).slice(-8192);
      const at = seen.indexOf(token);
      if (at === -1) return;
      seen = seen.slice(at + token.length);
      asked += 1;
      if (asked === 1) stage.channel.stdin.write(`${password}\n`);
      else done('refused');
    });
    void stage.channel.ended.then(() => { done('ended'); });
  });
  if (outcome === 'hello') return;
  stage.channel.destroy();
  const said = stage.stderr().replaceAll(token, '').trim();
  if (outcome === 'refused') throw becomeFailed(host.name, host.loginUser, user, said, 'become-wrong-password');
  if (outcome === 'silent') {
    throw failure('become-timeout', `${host.name}: sudo neither asked for a password nor went on for ${String(HELLO_SECONDS)} seconds`, {
      detail: said === '' ? undefined : `it said: ${quoteHostText(said)}`,
      remedy: 'try by hand on the host: sudo -u ' + user + ' true (a slow directory service or DNS is the usual reason)',
    });
  }
  throw await stage.explainEnd(`before ${user}'s shell had started`);
}
