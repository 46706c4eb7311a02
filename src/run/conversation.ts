/** What a conversational action (reboot, uri, pause …) may do: the engine's side of {@link ActionPort}. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionPort } from '../host/plan.ts';
import type { ItemContext } from './task-item.ts';

export function conversationPort(item: ItemContext, timeoutSeconds: number): ActionPort {
  const { session, identity, ctx } = item;
  return {
    run: (script, options) => session.run(identity, { script, environment: { ...item.environment, ...options?.environment }, timeoutSeconds: options?.timeoutSeconds ?? timeoutSeconds }),
    forward: async (host, port) => (await session.connection()).forward(host, port),
    download: async (path) => (await session.connection()).download(path, identity.become),
    reconnect: async (waitSeconds) => {
      await (await session.connection()).reconnect({ waitSeconds }, ctx.options.kill);
      session.reconnected();
    },
    prompt: async (question, options) => ctx.options.prompt?.(question, options?.hidden ?? false),
    sleep: async (seconds) => {
      await sleep(seconds * 1000, undefined, { signal: ctx.options.kill });
    },
    signal: ctx.options.kill,
  };
}
