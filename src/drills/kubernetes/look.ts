/** Looking at one control plane: what its own API server and its member of etcd say of themselves. One short script, read only, and its reading. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { sh, type Script } from '../../support/shell.ts';
import type { ControlPlaneView, EtcdState } from './view.ts';

/** Seconds for an answer of either. */
const PATIENCE = 2;

/**
 * POSIX sh. etcd tells who leads with its metrics, which kubeadm serves on loopback without TLS; their address is read of its manifest.
 *
 * @param address where the API server is
 */
export function lookScript(address: string, port: number): Script {
  const api = `https://${address.includes(':') ? `[${address}]` : address}:${String(port)}/readyz`;
  return sh`printf '@ready %s\\n' "$(curl -sk -m ${PATIENCE} ${api})"
care_at=$(sed -n 's/^ *- --listen-metrics-urls=\\([^,]*\\).*/\\1/p' /etc/kubernetes/manifests/etcd.yaml 2>/dev/null)
curl -s -m ${PATIENCE} "\${care_at:-http://127.0.0.1:2381}/metrics" | sed -n -e 's/^etcd_server_is_leader /@is_leader /p' -e 's/^etcd_server_has_leader /@has_leader /p'
:`;
}

/** @param output of {@link lookScript} */
export function readLook(name: string, output: string): ControlPlaneView {
  const of = (tag: string): string | undefined => output.split('\n').find((line) => line.startsWith(`@${tag} `))?.slice(tag.length + 2).trim();
  const [leads, follows] = [of('is_leader'), of('has_leader')];
  const etcd: EtcdState = leads === undefined || follows === undefined ? 'silent' : leads === '1' ? 'leads' : follows === '1' ? 'follows' : 'alone';
  return { name, reachable: true, ready: of('ready') === 'ok', etcd };
}

/** Never throws for a host that does not answer: that is what is seen. */
export async function lookAtControlPlane(hosts: HostAccess, host: ClusterHost, port: number): Promise<ControlPlaneView> {
  try {
    return readLook(host.name, await hosts.text(host, lookScript(host.address, port), 4 * PATIENCE));
  } catch (error) {
    if (!(error instanceof Diagnostic) || (error.kind !== 'unreachable' && error.kind !== 'failed')) throw error;
    return { name: host.name, reachable: false, ready: false, etcd: 'silent' };
  }
}
