/** Commands as root in a guest, through its agent: no SSH, no network. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { ProgramResult } from '../process.ts';
import { openAgent, type Conversation } from './json-socket.ts';

const Started = z.looseObject({ pid: z.int() });
const Status = z.looseObject({
  exited: z.boolean(),
  exitcode: z.int().optional(),
  signal: z.int().optional(),
  'out-data': z.string().optional(),
  'err-data': z.string().optional(),
});

/** What ssh(1) gives when there is no connection. */
export const NO_ANSWER = 255;
const FIRST_POLL_MS = 20;
const SLOWEST_POLL_MS = 500;
/** How long the agent may take to say that it is there. */
const HELLO_MS = 5_000;

function decoded(data: string | undefined): string {
  return Buffer.from(data ?? '', 'base64').toString('utf8');
}

async function run(agent: Conversation, argv: readonly string[], input: string | Buffer | undefined, deadline: number): Promise<ProgramResult> {
  const [path = '', ...args] = argv;
  const { pid } = Started.parse(
    await agent.ask('guest-exec', { path, arg: args, 'capture-output': true, ...(input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') }) }),
  );
  let pause = FIRST_POLL_MS;
  for (;;) {
    const status = Status.parse(await agent.ask('guest-exec-status', { pid }));
    if (status.exited) return { status: status.exitcode ?? 128 + (status.signal ?? 0), stdout: decoded(status['out-data']), stderr: decoded(status['err-data']) };
    if (Date.now() > deadline) {
      // By its number in the guest: the agent has no word for it.
      await agent.ask('guest-exec', { path: 'kill', arg: ['-KILL', String(pid)] });
      throw failure('program-timeout', `${argv.slice(0, 2).join(' ')} did not end in the guest in time`);
    }
    await sleep(pause);
    pause = Math.min(pause * 2, SLOWEST_POLL_MS);
  }
}

/**
 * Runs a command in a guest.
 *
 * @param socket of the guest's agent
 * @returns status 255 when the agent does not answer: the guest is off, boots, or hangs
 * @throws Diagnostic `program-timeout` when the command did not end, and was killed
 */
export async function guestExec(socket: string, argv: readonly string[], options: { readonly timeoutMs: number; readonly input?: string | Buffer | undefined }): Promise<ProgramResult> {
  const deadline = Date.now() + options.timeoutMs;
  let agent: Conversation | undefined;
  try {
    agent = await openAgent(socket, Math.min(HELLO_MS, options.timeoutMs));
    return await run(agent, argv, options.input, deadline);
  } catch (error) {
    if (error instanceof Diagnostic && error.code === 'qemu-silent') return { status: NO_ANSWER, stdout: '', stderr: `${error.message}\n` };
    // The agent could not start it: what a shell says 127 for.
    if (error instanceof Diagnostic && error.code === 'qemu-refused') return { status: 127, stdout: '', stderr: `${error.message}\n` };
    throw error;
  } finally {
    agent?.close();
  }
}

/** The same for a look at a guest that may be busy booting: what does not end in time is killed there and gives 124, as timeout(1) says it. */
export async function guestLook(socket: string, argv: readonly string[], timeoutMs: number): Promise<ProgramResult> {
  try {
    return await guestExec(socket, argv, { timeoutMs });
  } catch (error) {
    if (error instanceof Diagnostic && error.code === 'program-timeout') return { status: 124, stdout: '', stderr: `${error.message}\n` };
    throw error;
  }
}
