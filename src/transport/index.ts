/** Opens connections: over SSH or on this machine. */
import { localConnection } from './connection.ts';
import { BastionPool } from './bastions.ts';
import { resolveRoute } from './route.ts';
import { SshConfig } from './ssh-config.ts';
import { openSshConnection } from './ssh-connection.ts';
import type { ConnectionTarget, Connector } from './types.ts';

export interface ConnectorOptions {
  /** Seconds between keep-alive messages; three unanswered end the connection. Default 10. */
  readonly keepaliveSeconds?: number;
  /** Handshakes at once through one bastion. Default 8: sshd's MaxStartups begins to refuse at 10. */
  readonly handshakesAtOnce?: number;
  /** Told once a host of what was asked for and is not done (`StrictHostKeyChecking=no`). */
  readonly log?: (message: string) => void;
}

/** A connector; one serves a whole run, so that bastions are shared. */
export function createConnector(options: ConnectorOptions = {}): Connector {
  const settings = { keepaliveSeconds: options.keepaliveSeconds ?? 10 };
  const config = new SshConfig();
  const bastions = new BastionPool(settings, options.handshakesAtOnce ?? 8);
  return {
    async connect(target: ConnectionTarget, signal?: AbortSignal) {
      if (target.connection === 'local') return localConnection(target);
      const route = await resolveRoute(target, config);
      for (const warning of route.warnings) options.log?.(`${target.name}: ${warning}`);
      return openSshConnection(target, route, bastions, settings, signal);
    },
    close: () => bastions.close(),
  };
}
