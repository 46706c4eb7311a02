/**
 * A small SMTP server for tests that keeps what it is given (RFC 5321, STARTTLS of RFC 3207, AUTH PLAIN of RFC 4954). A sink: it
 * delivers to nobody. Debian's Postfix is what the same code is tried on by hand.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { SiteCa } from './site-ca.ts';

export interface Delivered {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
  readonly tls: boolean;
  /** The user that had logged in. */
  readonly user: string | undefined;
}

export interface SinkOptions {
  readonly tls?: SiteCa;
  /** Offer STARTTLS. */
  readonly starttls?: boolean;
  readonly login?: { readonly user: string; readonly password: string };
  /** Answers to the next MAIL commands, one each, in place of 250. */
  readonly mailAnswers?: string[];
  /** An answer to RCPT for an address, in place of 250. */
  readonly rcpt?: (address: string) => string | undefined;
  /** Where it listens; default: this machine alone. */
  readonly address?: string;
  /** Take connections and say nothing. */
  readonly silent?: boolean;
}

export interface SmtpSink {
  readonly port: number;
  readonly mails: readonly Delivered[];
  /** Every command as it came, but for what was given as data. */
  readonly commands: readonly string[];
  close(): Promise<void>;
}

export async function smtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const mails: Delivered[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    if (options.silent === true) return;
    socket.write('220 sink ESMTP\r\n');
    talk(socket, false);
  });

  function talk(socket: Socket, secure: boolean): void {
    let from = '';
    let to: string[] = [];
    let data: string[] | undefined;
    let user: string | undefined;
    let kept = '';
    const say = (text: string): void => {
      socket.write(`${text}\r\n`);
    };
    const command = (line: string): void => {
      commands.push(line);
      const word = line.toUpperCase();
      if (word.startsWith('EHLO')) say(['250-sink', ...(options.starttls === true && !secure ? ['250-STARTTLS'] : []), ...(options.login !== undefined && (secure || options.starttls !== true) ? ['250-AUTH PLAIN'] : []), '250 8BITMIME'].join('\r\n'));
      else if (word === 'STARTTLS' && (options.starttls !== true || options.tls === undefined)) say('502 5.5.1 not here');
      else if (word === 'STARTTLS' && options.tls !== undefined) {
        say('220 go ahead');
        socket.removeAllListeners('data');
        const encrypted = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ key: options.tls.key, cert: options.tls.cert }) });
        encrypted.on('error', () => undefined);
        talk(encrypted, true);
      } else if (word.startsWith('AUTH PLAIN')) {
        const [, name, password] = Buffer.from(line.slice('AUTH PLAIN '.length), 'base64').toString('utf8').split('\0');
        if (name === options.login?.user && password === options.login?.password) {
          user = name;
          say('235 welcome');
        } else say('535 5.7.8 no');
      } else if (word.startsWith('MAIL FROM:')) {
        const answer = options.mailAnswers?.shift();
        from = /<(.*)>/.exec(line)?.[1] ?? '';
        to = [];
        say(answer ?? '250 ok');
      } else if (word.startsWith('RCPT TO:')) {
        const address = /<(.*)>/.exec(line)?.[1] ?? '';
        const answer = options.rcpt?.(address);
        if (answer === undefined) to.push(address);
        say(answer ?? '250 ok');
      } else if (word === 'DATA') {
        data = [];
        say('354 go on');
      } else if (word === 'QUIT') {
        say('221 bye');
        socket.end();
      } else say('250 ok');
    };
    socket.on('data', (bytes: Buffer) => {
      const lines = (kept + bytes.toString('utf8')).split('\r\n');
      kept = lines.pop() ?? '';
      for (const line of lines) {
        if (data === undefined) command(line);
        else if (line === '.') {
          mails.push({ from, to, data: data.join('\n'), tls: secure, user });
          data = undefined;
          say('250 kept');
        } else data.push(line.replace(/^\.\./, '.'));
      }
    });
  }

  await new Promise<void>((resolve) => server.listen(0, options.address ?? '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mails,
    commands,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => { resolve(); });
      }),
  };
}
