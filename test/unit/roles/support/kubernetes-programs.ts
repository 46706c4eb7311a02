/**
 * The programs of role kubernetes in a directory of their own, with stand-ins for what they call; the drills run them on a real cluster.
 * Their clock is one of them: it stands still but while they sleep, which takes no time, so they wait as often as they would and nobody waits for them.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createScope } from '../../../../src/language/scope.ts';
import { renderValue } from '../../../../src/language/template/index.ts';

const TEMPLATES = path.join(import.meta.dirname, '../../../../roles/kubernetes/templates');
const VALUES = {
  inventory_hostname: 'k1', kubernetes_address: '192.0.2.11', kubernetes_api_port: 6443, kubernetes_lock_seconds: 5, kubernetes_cluster_name: 'care', kubernetes_endpoint: 'api.internal:7443', kubernetes_version: '1.37.2', kubernetes_bin: '/opt/new',
};
/** Other looks at the time than in seconds go to the system. */
const DATE = (clock: string): string => `#!/bin/sh\n[ "$*" = +%s ] || exec /usr/bin/date "$@"\nread -r now <'${clock}'; echo "$now"\n`;
const SLEEP = (clock: string): string => `#!/bin/sh\nread -r now <'${clock}'; echo $((now + $1)) >'${clock}'\n`;
export const SHELLS = [['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const;

export interface Programs {
  readonly directory: string;
  /** Puts a stand-in before what the system has. */
  program(name: string, text: string): void;
  /** Writes a file below the directory: `etc` stands for /etc/kubernetes, `data` for /var/lib/etcd, `kubelet` for /var/lib/kubelet. */
  file(name: string, text: string): void;
  read(name: string): string;
  run(shell: readonly [string, ...string[]], words: readonly string[], input?: string): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>;
  remove(): void;
}

/**
 * @param name of the program, such as care-kubeadm
 * @param timeout seconds that it waits for one step
 */
export function kubernetesProgram(name: string, timeout = 2): Programs {
  const directory = mkdtempSync(path.join(tmpdir(), 'care-kubernetes-'));
  const write = (file: string, text: string, mode = 0o644): void => {
    mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
    writeFileSync(path.join(directory, file), text);
    chmodSync(path.join(directory, file), mode);
  };
  const render = (template: string): string => {
    const text = renderValue(readFileSync(path.join(TEMPLATES, `${template}.hbs`), 'utf8'), createScope([{ values: { ...VALUES, kubernetes_step_timeout: timeout }, templated: false }]));
    if (typeof text !== 'string') throw new Error('the program is text');
    const places = [['/usr/local/lib/care-kubernetes', directory], ['/usr/local/sbin/care-kubernetes-etcdctl', `${directory}/etcdctl`], ['/etc/kubernetes', `${directory}/etc`], ['/run/care-kubeadm', `${directory}/run`], ['/opt/new', `${directory}/new`], ['/opt/kubernetes/etcd', `${directory}/tools`], ['/var/lib/care-kubernetes-', `${directory}/`], ['/usr/local/bin/', `${directory}/bin/`], ['/var/lib/etcd', `${directory}/data`], ['/var/lib/kubelet', `${directory}/kubelet`], ['/etc/cni', `${directory}/cni`], ['PATH=', `PATH=${directory}:`]] as const;
    return places.reduce((all, [from, to]) => all.replaceAll(from, to), text);
  };
  write('functions.sh', render('functions.sh'));
  write('program', render(name));
  const clock = path.join(directory, 'clock-of-programs');
  write('clock-of-programs', `${String(Math.floor(Date.now() / 1000))}\n`);
  write('date', DATE(clock), 0o755);
  write('sleep', SLEEP(clock), 0o755);
  write('etc/kubeadm/nodes', '# NAME ADDRESS\nk1 192.0.2.11\nk2 192.0.2.12\nk3 192.0.2.13\n');
  return {
    directory,
    program: (each, text) => { write(each, `#!/bin/sh\n${text}\n`, 0o755); },
    file: write,
    read: (file) => readFileSync(path.join(directory, file), 'utf8'),
    run: ([shell, ...first], words, input = '') => new Promise((resolve) => {
      const child = execFile(shell, [...first, path.join(directory, 'program'), ...words], { timeout: 60_000 }, (error, stdout, stderr) => { resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }); });
      if (input === '') child.stdin?.end();
      else child.stdin?.end(input);
    }),
    remove: () => { rmSync(directory, { recursive: true, force: true }); },
  };
}
