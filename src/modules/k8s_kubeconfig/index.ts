import { randomBytes } from 'node:crypto';
import { content } from '../../host/kinds/content.ts';
import { isUnreadable } from '../../host/kinds/path-key.ts';
import { stat } from '../../host/kinds/path.ts';
import { changeScript, outcomeReason } from '../../host/outcome-words.ts';
import { action, converge, failed, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { clientCertificate } from '../../services/kubernetes/certificates.ts';
import { kubernetesService } from '../../services/kubernetes/client.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { attach, sh, type Script } from '../../support/shell.ts';
import { NO_LOGIN_REMEDY, withLogin } from '../common/kubernetes/login.ts';
import { attributeChanges } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { clusterOf, kubeconfigHead, reasonToMake, tooShort, type Wish } from './decide.ts';
import { K8sKubeconfigArgs } from './schema.ts';

const DAY = 86_400;
const MODE = '0600';

/** `0.O`, `1.O` …: config(5ssl), "multiple instances of the same field name". */
function requestConfig(wish: Wish): string {
  return ['[req]', 'prompt = no', 'utf8 = yes', 'string_mask = utf8only', 'distinguished_name = dn', '[dn]', ...[...new Set(wish.groups)].map((group, i) => `${String(i)}.O = "${group}"`), `CN = "${wish.user}"`, ''].join('\n');
}

/** A key, beside the file that is to hold it, and a request, which is printed. */
function keyScript(path: string, mark: string, wish: Wish): Script {
  return sh`umask 077
care_key=${`${path}.${mark}.key`}
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$care_key"
openssl req -new -batch -config ${attach(requestConfig(wish))} -key "$care_key"`;
}

/** The key becomes the last line of the kubeconfig; it never leaves the host. */
function fileScript(path: string, mark: string, head: string, args: K8sKubeconfigArgs): Script {
  return sh`umask 077
care_key=${`${path}.${mark}.key`} care_new=${`${path}.${mark}.new`}
trap 'rm -f -- "$care_key" "$care_new"' EXIT
cat ${attach(head)} >"$care_new"
printf '      client-key-data: %s\n' "$(base64 <"$care_key" | tr -d '\n')" >>"$care_new"
care_put "$care_new" ${path} ${MODE} ${args.owner ?? ''} ${args.group ?? ''}
rm -f -- "$care_key" "$care_new"
trap - EXIT`;
}

async function converse(port: ActionPort, login: KubernetesLogin, args: K8sKubeconfigArgs, wish: Wish): Promise<ActionResult> {
  const mark = randomBytes(6).toString('hex');
  const forgetKey = async (): Promise<void> => { await port.run(sh`rm -f -- ${`${args.path}.${mark}.key`}`); };
  const made = await port.run(changeScript(keyScript(args.path, mark, wish)));
  if (made.state !== 'done' || made.status !== 0) {
    await forgetKey();
    return { changed: false, failed: true, msg: `no key was made: ${outcomeReason(made)}` };
  }
  let certificate: string;
  try {
    certificate = await clientCertificate(port.service.clients.get(kubernetesService, login), { name: `care-${args.user.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-')}-${mark}`, request: made.stdout.toString('utf8'), seconds: args.days * DAY }, port.signal);
  } catch (error) {
    await forgetKey();
    return { changed: false, failed: true, msg: error instanceof Error ? error.message : String(error) };
  }
  const short = tooShort(certificate, wish, Date.now() / 1000);
  if (short !== undefined) {
    await forgetKey();
    return { changed: false, failed: true, msg: short };
  }
  const written = await port.run(changeScript(fileScript(args.path, mark, kubeconfigHead(wish, certificate), args)));
  if (written.state === 'done' && written.status === 0) return { changed: true };
  await forgetKey();
  return { changed: false, failed: true, msg: `${args.path} was not written: ${outcomeReason(written)}` };
}

function planWith(login: KubernetesLogin, args: K8sKubeconfigArgs, host: HostView): Plan {
  const cluster = clusterOf(login.config.reveal());
  if (cluster === undefined) return failed(`${args.kubeconfig} names no cluster with its CA`, NO_LOGIN_REMEDY);
  const wish: Wish = { cluster: { ...cluster, server: args.server ?? cluster.server }, user: args.user, groups: args.groups, renewBeforeDays: args.renew_before_days };
  const now = host.fact(content(args.path));
  if (isUnreadable(now)) return failed(`${args.path}: ${now.error}`);
  const why = now === null ? 'it is not there' : Buffer.isBuffer(now) ? reasonToMake(now.toString('utf8'), wish, host.base.epoch) : 'it is too large for a kubeconfig';
  const resource = `kubeconfig ${args.path}`;
  if (why === undefined) return converge(attributeChanges(resource, args.path, host.fact(stat(args.path)), { mode: MODE, owner: args.owner, group: args.group }));
  return action({ resource, what: `make it for ${args.user}, for ${String(args.days)} days: ${why}`, mutates: true, effects: [forgetTree(args.path)], timeoutSeconds: 180, perform: { type: 'conversation', converse: (port) => converse(port, login, args, wish) } });
}

export const k8sKubeconfig = defineModule({
  name: 'k8s_kubeconfig',
  summary: 'Keep a kubeconfig with which a person logs in to a Kubernetes cluster for a while',
  description: `The key is made on the host and stays there, in the file, which is root's or the owner's alone (0600). The cluster signs the certificate (CertificateSigningRequest, signer
\`kubernetes.io/kube-apiserver-client\`, approved right away). It is made anew when user, groups, server or CA are others, or when fewer than \`renew_before_days\` are left.

A certificate can't be taken back before it ends: keep \`days\` few, and take rights from the groups. Needs openssl on the host.`,
  args: K8sKubeconfigArgs,
  examples: [{ title: 'A month for one of the viewers', yaml: 'k8s_kubeconfig:\n  path: /root/kubeconfigs/asha.conf\n  user: asha\n  groups: ["care:viewers"]\n  days: 30\n' }],
  queries: (args) => [content(args.kubeconfig), content(args.path), stat(args.path)],
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
