/**
 * A dead man's switch on the host that is hurt: a timer of its own systemd that heals after a bound, since the controller
 * may be killed, or lose its way to the host, in the middle of a drill.
 */
import type { ClusterHost } from '../operations/inventory.ts';
import type { HostAccess } from '../operations/hosts.ts';
import { sh, type Script } from '../support/shell.ts';

/** Seconds after which a host heals itself: longer than most drills stay broken. */
export const DEAD_MAN_SECONDS = 180;

export interface DeadMan {
  /** Must be called, and have succeeded, before anything is broken. */
  arm(): Promise<void>;
  disarm(): Promise<void>;
}

/**
 * @param name a short word, for the unit's name
 * @param seconds after which it heals by itself
 * @param heal POSIX sh; must do no harm when nothing is broken
 */
export function deadMan(hosts: HostAccess, host: ClusterHost, name: string, seconds: number, heal: Script): DeadMan {
  const unit = `care-drill-${name}`;
  return {
    async arm() {
      await hosts.text(host, sh`systemctl stop ${unit}.timer ${unit}.service 2>/dev/null
systemctl reset-failed ${unit}.service 2>/dev/null
systemd-run --quiet --collect --unit=${unit} --on-active=${seconds} --timer-property=AccuracySec=1s /bin/sh -c ${heal.text}
systemctl is-active --quiet ${unit}.timer`);
    },
    async disarm() {
      await hosts.run(host, sh`systemctl stop ${unit}.timer 2>/dev/null; true`);
    },
  };
}
