/** What a control plane's own files and etcd say: one script, read only, and its reading. Pure but for its text. */
import { z } from 'zod';
import { sh, type Script } from '../../support/shell.ts';
import { readCertificates } from '../../support/x509/inspect.ts';
import { copiesScript, readCopies, type CopiesSeen } from './copies.ts';

export interface CertificateSeen {
  readonly file: string;
  /** Seconds since the epoch. */
  readonly notAfter: number;
}

export interface EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  /** Whether it answered. */
  readonly answers: boolean;
  readonly leads: boolean;
  readonly learner: boolean;
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  readonly errors: readonly string[];
}

export interface ControlPlaneSeen {
  /** The host's clock, seconds since the epoch. */
  readonly now: number;
  readonly certificates: readonly CertificateSeen[];
  /** The newest backup; undefined where there is none. */
  readonly backup: { readonly file: string; readonly time: number } | undefined;
  /** Undefined where none are made. */
  readonly copies: CopiesSeen | undefined;
  /** As this member sees it; undefined where it does not answer. */
  readonly etcd: readonly EtcdMember[] | undefined;
  readonly etcdTrouble: string;
}

/** As care-kubernetes-backup writes them, a backup is an archive with its sum beside it. Certificates alone leave the host, never the keys that stand beside them. */
export function lookScript(backupDirectory: string): Script {
  return sh`LC_ALL=C; export LC_ALL
printf '@now %s\n' "$(date +%s)"
for care_file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /var/lib/kubelet/pki/kubelet-client-current.pem /var/lib/kubelet/pki/kubelet-server-current.pem; do
  [ -f "$care_file" ] || continue
  printf '@cert %s %s\n' "$care_file" "$(sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p' "$care_file" | base64 | tr -d '\n')"
done
for care_file in /etc/kubernetes/*.conf; do
  care_data=$(sed -n 's/^ *client-certificate-data: *//p' "$care_file" 2>/dev/null | head -n 1)
  [ -z "$care_data" ] || printf '@cert %s %s\n' "$care_file" "$care_data"
done
for care_file in ${backupDirectory}/*.tar.age; do
  [ -f "$care_file" ] && [ -f "$care_file.sha256" ] && printf '@backup %s %s\n' "$(stat -c %Y -- "$care_file")" "$care_file"
done
${copiesScript(backupDirectory)}
if command -v care-kubernetes-etcdctl >/dev/null; then
  care_out=$(care-kubernetes-etcdctl member list -w json 2>&1) && printf '@members %s\n' "$(printf %s "$care_out" | base64 | tr -d '\n')" || printf '@trouble %s\n' "$(printf %s "$care_out" | tail -n 1)"
  care_out=$(care-kubernetes-etcdctl endpoint status --cluster -w json 2>/dev/null) || :
  printf '@status %s\n' "$(printf %s "$care_out" | base64 | tr -d '\n')"
else
  printf '@trouble %s\n' 'there is no care-kubernetes-etcdctl: apply playbooks/kubernetes.yml'
fi
:`;
}

const Id = z.union([z.string(), z.number()]).transform(String);
const Members = z.looseObject({ members: z.array(z.looseObject({ ID: Id, name: z.string().default(''), clientURLs: z.array(z.string()).default([]), isLearner: z.boolean().default(false) })) });
const Statuses = z.array(z.looseObject({
  Endpoint: z.string(),
  Status: z.looseObject({ header: z.looseObject({ member_id: Id }), version: z.string().default(''), dbSize: z.number().default(0), leader: Id.default(''), errors: z.array(z.string()).nullish() }),
}));

/** etcd's numbers are larger than JavaScript's integers. */
function parseExactly(text: string): unknown {
  return JSON.parse(text.replaceAll(/([:[,]\s*)(\d{16,})/g, '$1"$2"'));
}

function decoded(word: string | undefined): string {
  return Buffer.from(word ?? '', 'base64').toString('utf8');
}

function etcdOf(members: string, statuses: string): readonly EtcdMember[] {
  const known = Members.parse(parseExactly(members)).members;
  const seen = statuses.trim() === '' ? [] : Statuses.parse(parseExactly(statuses));
  return known.map((member) => {
    const own = seen.find((each) => each.Status.header.member_id === member.ID)?.Status;
    return { name: member.name, endpoint: member.clientURLs[0] ?? '', answers: own !== undefined, leads: own !== undefined && own.leader === member.ID, learner: member.isLearner, version: own?.version ?? '', size: own?.dbSize ?? 0, errors: own?.errors ?? [] };
  });
}

/** @param output of {@link lookScript}. @throws ZodError or SyntaxError when etcd's answer is none */
export function readLook(output: string): ControlPlaneSeen {
  const words = output.split('\n').filter((line) => line.startsWith('@')).map((line) => line.split(' '));
  const of = (tag: string): readonly (readonly string[])[] => words.filter(([word]) => word === tag).map(([, ...rest]) => rest);
  const certificates = of('@cert').flatMap(([file = '', data]) => {
    const [leaf] = readCertificates(decoded(data));
    return leaf === undefined ? [] : [{ file, notAfter: leaf.notAfter }];
  });
  const backups = of('@backup').map(([time, ...file]) => ({ time: Number(time), file: file.join(' ') })).sort((a, b) => b.time - a.time);
  const members = of('@members')[0]?.[0];
  return {
    now: Number(of('@now')[0]?.[0] ?? 'NaN'), certificates, backup: backups[0], copies: readCopies(of),
    etcd: members === undefined ? undefined : etcdOf(decoded(members), decoded(of('@status')[0]?.[0])), etcdTrouble: of('@trouble').map((rest) => rest.join(' ')).join('; '),
  };
}
