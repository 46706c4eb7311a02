/** An ActionPort for tests: scripts, connections and sleeps answered by functions; time passes by sleeping. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionPort, ActionResult, Plan } from '../../../../src/host/plan.ts';
import type { Outcome } from '../../../../src/transport/types.ts';
import { noService } from '../no-service.ts';

export function outcome(status: number, stdout = '', stderr = ''): Outcome {
  return { state: 'done', status, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), truncated: false, seconds: 0 };
}

/** A connection from this machine, as `forward` gives it from a host. */
export function dial(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

export function fakePort(given: Partial<ActionPort>): ActionPort {
  return {
    run: () => Promise.resolve(outcome(0)),
    forward: dial,
    service: noService(),
    download: () => Promise.reject(new Error('no download')),
    reconnect: () => Promise.resolve(),
    prompt: () => Promise.resolve(undefined),
    sleep: async (seconds) => {
      await sleep(Math.min(20, seconds * 1000));
    },
    signal: new AbortController().signal,
    ...given,
  };
}

export function converse(plan: Plan, port: ActionPort): Promise<ActionResult> {
  if (plan.type !== 'action' || plan.action.perform.type !== 'conversation') throw new Error(`planned ${plan.type}`);
  return plan.action.perform.converse(port);
}
