/** A client on a node that writes a ConfigMap through the node's balancer, ten times a second at most, and says when each write was confirmed. */
import { spawn } from 'node:child_process';
import { execArguments, type Lab } from '../../../src/lab/index.ts';
import { kubectl } from './kubernetes-lab.ts';
import { onHost } from '../../integration/support/lab-project.ts';

const SCRIPT = `set -u
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/config"
part() { sed -n "s/^ *$1: *//p" "$work/config" | base64 -d >"$work/$2"; }
part client-certificate-data crt; part client-key-data key; part certificate-authority-data ca
at=$(sed -n 's/^ *server: *//p' "$work/config")
end=$(( $(date +%s) + $1 ))
while [ "$(date +%s)" -lt "$end" ] && [ ! -e /run/care-drill-enough ]; do
  if curl -sf -m 3 -o /dev/null --cacert "$work/ca" --cert "$work/crt" --key "$work/key" -X PATCH -H 'content-type: application/merge-patch+json' -d "{\\"data\\":{\\"n\\":\\"$(date +%s.%N)\\"}}" "$at/api/v1/namespaces/default/configmaps/writes"; then date +%s.%N; fi
  sleep 0.1
done`;

export interface Writer {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly ended: Promise<void>;
  /** Ends it before its time, and waits for that. */
  stop(): Promise<void>;
}

/** @param seconds how long it writes, at most */
export async function startWriter(lab: Lab, controlPlane: string, node: string, seconds: number): Promise<Writer> {
  await kubectl(lab, controlPlane, '-n default delete configmap writes --ignore-not-found');
  await kubectl(lab, controlPlane, '-n default create configmap writes --from-literal n=0');
  const config = await onHost(lab, controlPlane, 'cat /etc/kubernetes/admin.conf');
  await onHost(lab, node, 'rm -f /run/care-drill-enough');
  const child = spawn('docker', [...execArguments(lab, node, ['timeout', String(seconds + 30), 'sh', '-c', SCRIPT, 'writer', String(seconds)], true)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const times: number[] = [];
  let rest = '';
  child.stdout.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n');
    rest = lines.pop() ?? '';
    times.push(...lines.map(Number));
  });
  child.stdin.end(config);
  const ended = new Promise<void>((resolve) => { child.once('close', () => { resolve(); }); });
  const stop = async (): Promise<void> => {
    await onHost(lab, node, 'touch /run/care-drill-enough');
    await ended;
  };
  return { times, ended, stop };
}

/** Seconds between two writes, at most. */
export function longestGap(times: readonly number[]): number {
  return Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time)));
}
