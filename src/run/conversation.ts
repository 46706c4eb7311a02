/** What a conversational action (reboot, uri, pause …) may do: the engine's side of {@link ActionPort}. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionPort, ActionResult } from '../host/plan.ts';
import type { ItemContext } from './task-item.ts';

function conversationPort(item: ItemContext, timeoutSeconds: number, signal: AbortSignal): ActionPort {
  const { session, identity, ctx } = item;
  return {
    run: (script, options) =>
      session.run(identity, { script, environment: { ...item.environment, ...options?.environment }, timeoutSeconds: Math.min(options?.timeoutSeconds ?? timeoutSeconds, item.ownTimeoutSeconds ?? Infinity) }),
    forward: async (host, port) => (await session.connection()).forward(host, port),
    service: session.servicePort(timeoutSeconds, signal),
    download: async (path) => (await session.connection()).download(path, identity.become),
    reconnect: async (waitSeconds) => {
      await (await session.connection()).reconnect({ waitSeconds }, signal);
      session.reconnected();
    },
    prompt: async (question, options) => ctx.options.prompt?.(question, options?.hidden ?? false),
    sleep: async (seconds) => {
      await sleep(seconds * 1000, undefined, { signal });
    },
    signal,
  };
}

/**
 * Holds a conversation; the task's own `timeout`, when it has one, ends it.
 *
 * @param timeoutSeconds of one script of the conversation that does not say
 */
export async function withinOwnTimeout(item: ItemContext, timeoutSeconds: number, what: string, converse: (port: ActionPort) => Promise<ActionResult>): Promise<ActionResult> {
  const { kill } = item.ctx.options;
  const limit = item.ownTimeoutSeconds;
  if (limit === undefined) return converse(conversationPort(item, timeoutSeconds, kill));
  const over = new AbortController();
  const timer = setTimeout(() => { over.abort(); }, limit * 1000);
  const port = conversationPort(item, timeoutSeconds, AbortSignal.any([kill, over.signal]));
  const late = new Promise<'late'>((resolve) => { over.signal.addEventListener('abort', () => { resolve('late'); }, { once: true }); });
  const work = converse(port);
  try {
    const first = await Promise.race([work, late]);
    if (first !== 'late') return first;
  } catch (error) {
    if (!over.signal.aborted || kill.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  // Nobody waits for it any more; what it still says must not end the program.
  work.catch(() => undefined);
  return { changed: false, failed: true, msg: `${what}: timed out after ${String(limit)} s (the task's timeout)` };
}
