/** QEMU's two conversations, its monitor (QMP) and its guest agent: one JSON object a line, over a socket in the file system. */
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';

/** The most that one answer may have: the agent's output of a command is bounded to 16 MiB, and base64 makes it longer. */
const MOST_BYTES = 32 * 1024 * 1024;

const Message = z.looseObject({
  return: z.unknown().optional(),
  error: z.looseObject({ class: z.string().optional(), desc: z.string() }).optional(),
  event: z.string().optional(),
});
type Message = z.infer<typeof Message>;

/** An open conversation. Questions are answered in their order. */
export interface Conversation {
  /**
   * @param timeoutMs milliseconds until the answer must be there
   * @throws Diagnostic `qemu-refused` with QEMU's own words, `qemu-silent` when nothing came
   */
  ask(command: string, parameters?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<unknown>;
  close(): void;
}

const ANSWER_MS = 10_000;

class Lines {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (message: Message) => void; reject: (error: Error) => void }[] = [];
  readonly #path: string;
  /** Answers that nobody has waited for yet. */
  readonly #early: Message[] = [];
  #rest = '';

  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => { this.#take(chunk); });
    socket.on('error', (cause) => { this.#fail(cause.message); });
    socket.on('close', () => { this.#fail('the connection was closed'); });
  }

  #fail(why: string): void {
    for (const each of this.#waiting.splice(0)) each.reject(failure('qemu-silent', `no answer from ${this.#path}: ${why}`));
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MOST_BYTES) this.#socket.destroy(new Error(`an answer of more than ${MOST_BYTES} bytes`));
    for (const line of lines) {
      // The agent sends byte 0xFF before the answer to guest-sync-delimited; other noise is of an interrupted conversation.
      const message = parsed(line);
      if (message === undefined || message.event !== undefined || (message.return === undefined && message.error === undefined)) continue;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#early.push(message);
      else waiting.resolve(message);
    }
  }

  /** Sends, unless the text is empty, and waits for the next answer. */
  async next(text: string, timeoutMs: number): Promise<Message> {
    if (text !== '') this.#early.length = 0;
    const early = this.#early.shift();
    if (early !== undefined) return early;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(failure('qemu-silent', `no answer from ${this.#path} within ${timeoutMs / 1000} s`));
        // What comes later would be taken for the answer to another question.
        this.#socket.destroy();
      }, timeoutMs);
      this.#waiting.push({
        resolve: (message) => { clearTimeout(timer); resolve(message); },
        reject: (error) => { clearTimeout(timer); reject(error); },
      });
      if (text !== '') this.#socket.write(text);
    });
  }
}

function parsed(line: string): Message | undefined {
  try {
    return Message.safeParse(JSON.parse(line.replace(/^[^{]*/, ''))).data;
  } catch {
    return undefined; // Not JSON: passed over, and whoever waits for an answer times out.
  }
}

async function open(path: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const timer = setTimeout(() => { socket.destroy(new Error(`no connection within ${timeoutMs / 1000} s`)); }, timeoutMs);
    socket.once('connect', () => { clearTimeout(timer); socket.removeAllListeners('error'); resolve(socket); });
    socket.once('error', (cause) => { clearTimeout(timer); reject(failure('qemu-silent', `cannot reach ${path}: ${cause.message}`, { cause })); });
  });
}

interface Open extends Conversation {
  readonly lines: Lines;
}

function request(command: string, parameters: Readonly<Record<string, unknown>> | undefined): string {
  return `${JSON.stringify({ execute: command, ...(parameters === undefined ? {} : { arguments: parameters }) })}\n`;
}

async function conversation(path: string, timeoutMs: number): Promise<Open> {
  const socket = await open(path, timeoutMs);
  const lines = new Lines(socket, path);
  return {
    lines,
    async ask(command, parameters, timeout = ANSWER_MS) {
      const message = await lines.next(request(command, parameters), timeout);
      if (message.error !== undefined) throw failure('qemu-refused', `QEMU refused ${command}: ${message.error.desc}`);
      return message.return;
    },
    close() { socket.destroy(); },
  };
}

/** The monitor of a running machine (QEMU Machine Protocol). */
export async function openMonitor(path: string): Promise<Conversation> {
  const monitor = await conversation(path, ANSWER_MS);
  await monitor.ask('qmp_capabilities');
  return monitor;
}

/**
 * The guest agent (qemu-ga-ref(7)). The conversation before may have ended in the middle of a line, so this one begins by a number that
 * the agent must say back.
 *
 * @param timeoutMs milliseconds for the agent to answer: it does not before the guest has booted
 */
export async function openAgent(path: string, timeoutMs: number): Promise<Conversation> {
  const agent = await conversation(path, timeoutMs);
  const id = Math.floor(Math.random() * 2 ** 31);
  const deadline = Date.now() + timeoutMs;
  try {
    let message = await agent.lines.next(request('guest-sync', { id }), timeoutMs);
    // Answers to what earlier conversations had asked, and did not wait for, come first.
    while (message.return !== id) message = await agent.lines.next('', Math.max(1, deadline - Date.now()));
    return agent;
  } catch (error) {
    agent.close();
    throw error;
  }
}
