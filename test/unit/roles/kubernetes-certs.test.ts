/** Certificates that end, with stand-ins for kubeadm and its kin and real certificates of openssl; the drill lets real ones end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENDED_CERTIFICATE, validCertificate } from './support/certificates.ts';
import { kubernetesProgram, SHELLS, type Programs } from './support/kubernetes-programs.ts';

let its: Programs;
beforeEach(() => {
  its = kubernetesProgram('care-kubernetes-certs');
  for (const each of ['init', 'cluster', 'kubelet']) its.file(`etc/kubeadm/${each}.yaml`, 'a: b');
  its.program('systemctl', `echo "systemctl $*" >>'${its.directory}/calls'`);
  its.program('kubectl', 'exit 0');
  its.program('curl', 'printf ok');
  // Each look finds another container.
  its.program('crictl', `case "$*" in stop*) echo "stop" >>'${its.directory}/calls' ;; ps*) n=$(cat '${its.directory}/n' 2>/dev/null || echo 0); n=$((n + 1)); echo $n >'${its.directory}/n'; echo container$n ;; esac`);
});
afterEach(() => { its.remove(); });

/** A certificate of so many days; -1 has ended. */
function certificate(name: string, days: number): string {
  if (days < 0) {
    its.file(name, ENDED_CERTIFICATE);
    return ENDED_CERTIFICATE;
  }
  its.file(name, validCertificate(days));
  return its.read(name);
}

/** A control plane whose certificates end in so many days. */
function plane(days: number, login = 100): void {
  const text = certificate('etc/pki/apiserver.crt', days);
  for (const each of ['front-proxy-client', 'etcd/server', 'etcd/peer', 'etcd/healthcheck-client']) its.file(`etc/pki/${each}.crt`, text);
  for (const each of ['admin', 'controller-manager', 'scheduler']) its.file(`etc/${each}.conf`, `    client-certificate-data: ${Buffer.from(text).toString('base64')}\n`);
  certificate('kubelet/pki/kubelet-client-current.pem', login);
  its.file('etc/kubelet.conf', 'client-certificate: x');
  its.program('kubeadm', `case "$*" in *'kubeconfig user'*) echo 'client-certificate-data: new' ;; esac\necho "kubeadm $1 $2" >>'${its.directory}/calls'`);
}
const calls = (): readonly string[] => its.read('calls').trim().split('\n');
/** Members of etcd answer, or not. */
const etcd = (answers: boolean): void => { its.program('etcdctl', answers ? 'exit 0' : 'echo "certificate has expired" >&2; exit 1'); };

describe.each(SHELLS)('care-kubernetes-certs, %s', (_name, shell) => {
  test('fresh says which certificate ends', async () => {
    plane(20);
    expect(await its.run(shell, ['fresh', '10'])).toMatchObject({ status: 0 });
    expect(await its.run(shell, ['fresh', '30'])).toMatchObject({ status: 1, stderr: expect.stringMatching(/apiserver\.crt ends in less than 30 days/) as string });
  });

  test('renew touches nothing while valid certificates are not the trouble', async () => {
    plane(20);
    etcd(false);
    its.file('calls', '');
    expect(await its.run(shell, ['renew'], '')).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing is restarted here') as string });
    expect(calls()).toEqual(['']);
  }, 90_000);

  test('renew makes anew what has ended, though nobody answers, and kubelet’s login with it', async () => {
    plane(-1, -1);
    etcd(false);
    expect(await its.run(shell, ['renew'])).toMatchObject({ status: 0, stdout: expect.stringContaining('when the other control planes are renewed') as string });
    expect(calls()).toEqual(['kubeadm certs renew', 'kubeadm kubeconfig user', 'systemctl restart kubelet.service', 'stop', 'stop', 'stop', 'stop']);
    expect(its.read('etc/kubelet.conf')).toContain('client-certificate-data: new');
  });

  test('renew waits for each component where etcd answers', async () => {
    plane(-1);
    etcd(true);
    expect(await its.run(shell, ['renew'])).toMatchObject({ status: 0, stdout: '' });
    expect(calls()).toEqual(['kubeadm certs renew', 'stop', 'stop', 'stop', 'stop']);
  });

  test('a renewal that was cut off before all was restarted is not done', async () => {
    plane(20);
    etcd(true);
    its.program('crictl', 'kill -9 $PPID');
    await its.run(shell, ['renew']);
    expect(await its.run(shell, ['fresh', '10'])).toMatchObject({ status: 1, stderr: expect.stringContaining('was cut off') as string });
    its.program('crictl', `case "$*" in ps*) n=$(cat '${its.directory}/n' 2>/dev/null || echo 0); n=$((n + 1)); echo $n >'${its.directory}/n'; echo container$n ;; esac`);
    expect(await its.run(shell, ['renew'])).toMatchObject({ status: 0 });
    expect(await its.run(shell, ['fresh', '10'])).toMatchObject({ status: 0 });
  });

  test('a kubelet is logged in with a valid certificate that it renews by itself', async () => {
    plane(20);
    expect(await its.run(shell, ['logged-in'])).toMatchObject({ status: 0 });
    its.file('etc/kubelet.conf', 'client-certificate-data: x');
    expect(await its.run(shell, ['logged-in'])).toMatchObject({ status: 1 });
    plane(20, -1);
    expect(await its.run(shell, ['logged-in'])).toMatchObject({ status: 1 });
  });

  test('a worker logs in with a ticket, which does not stay', async () => {
    its.file('etc/kubelet.conf', 'client-certificate: x');
    // As kubelet, which replaces its own link and no file of somebody else's.
    its.file('kubelet/pki/kubelet-client-current.pem', ENDED_CERTIFICATE);
    its.program('systemctl', `cp '${its.directory}/etc/bootstrap-kubelet.conf' '${its.directory}/seen' 2>/dev/null; [ ! -e '${its.directory}/kubelet/pki/kubelet-client-current.pem' ] || exit 0; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -out '${its.directory}/kubelet/pki/kubelet-client-current.pem' -subj /CN=x -days 5 2>/dev/null`);
    expect(await its.run(shell, ['log-in'], '')).toMatchObject({ status: 1, stderr: expect.stringContaining('no ticket') as string });
    expect(await its.run(shell, ['log-in'], 'token abc.def\n')).toMatchObject({ status: 0 });
    expect(its.read('seen')).toContain('token: abc.def');
    expect(() => its.read('etc/bootstrap-kubelet.conf')).toThrow();
  });
});
