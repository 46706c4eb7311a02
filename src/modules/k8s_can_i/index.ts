import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineServiceQuery } from '../../host/define-query.ts';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { KubernetesClient } from '../../services/kubernetes/client.ts';
import { kubernetesLoginId, type KubernetesLogin } from '../../services/kubernetes/login.ts';
import { postReview, type Said } from '../../services/kubernetes/objects.ts';
import { queriesWithLogin, withLogin } from '../common/kubernetes/login.ts';
import { each, type Heard } from '../common/kubernetes/queries.ts';
import { defineModule } from '../define.ts';
import { cellsOf, cellText, mayBy, type Cell } from './matrix.ts';
import { K8sCanIArgs, type Subject } from './schema.ts';

/** About a minute of questions. */
const MOST_CELLS = 20_000;
const AT_ONCE = 8;
const SHOWN = 20;

interface MatrixKey {
  readonly login: KubernetesLogin;
  readonly subject: Subject;
  readonly cells: readonly Cell[];
}

const Review = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

async function mayHe(client: KubernetesClient, subject: Subject, cell: Cell, signal: AbortSignal): Promise<Said<boolean>> {
  const spec = { user: subject.name, groups: [...subject.groups, 'system:authenticated'], resourceAttributes: { verb: cell.verb, group: cell.group, resource: cell.resource, subresource: cell.subresource, namespace: cell.namespace } };
  const said = await postReview(client, 'authorization.k8s.io/v1', 'SubjectAccessReview', spec, signal);
  return said.ok ? { ok: true, value: Review.parse(said.value).status.allowed } : said;
}

/** What the API's authorisers say to each cell, in order. */
const allowed = defineServiceQuery<MatrixKey, Heard<readonly boolean[]>>({
  name: 'kubernetes-allowed',
  id: ({ login, subject, cells }) => `${kubernetesLoginId(login)} ${createHash('sha256').update(JSON.stringify([subject, cells])).digest('hex').slice(0, 24)}`,
  describe: ({ subject }) => `what ${subject.name} may do`,
  answer: (keys, port) => each(keys, port, async (client, { subject, cells }) => {
    const answers: boolean[] = [];
    for (let from = 0; from < cells.length; from += AT_ONCE) {
      for (const said of await Promise.all(cells.slice(from, from + AT_ONCE).map((cell) => mayHe(client, subject, cell, port.signal)))) {
        if (!said.ok) return said;
        answers.push(said.value);
      }
    }
    return { ok: true, value: answers };
  }),
  show: (fact) => (fact.ok ? `${String(fact.value.filter((one) => one).length)} allowed` : fact.msg),
  after: ['unit', 'kubernetes-applied', 'kubernetes-present'],
  volatile: true,
  passing: () => true,
});

function planWith(login: KubernetesLogin, args: K8sCanIArgs, host: HostView): Plan {
  const cells = cellsOf(args);
  const wrong: string[] = [];
  for (const subject of args.subjects) {
    const fact = host.fact(allowed({ login, subject, cells }));
    if (!fact.ok) return failed(`what ${subject.name} may do: ${fact.msg}`);
    for (const [i, cell] of cells.entries()) {
      const may = fact.value[i] === true;
      if (may !== mayBy(args.grants, subject, cell)) wrong.push(`${subject.name} may${may ? '' : ' not'} ${cellText(cell)}`);
    }
  }
  const values = { asked: cells.length * args.subjects.length, wrong };
  if (wrong.length === 0) return ok(values);
  const more = wrong.length > SHOWN ? `\nand ${String(wrong.length - SHOWN)} more` : '';
  return { type: 'failed', msg: `rights are other than declared:\n${wrong.slice(0, SHOWN).join('\n')}${more}`, values };
}

export const k8sCanI = defineModule({
  name: 'k8s_can_i',
  summary: 'Compare what people may do in a Kubernetes cluster with what was declared, cell by cell',
  description: `Asks the API (SubjectAccessReview) for each of \`subjects\`, \`verbs\`, \`resources\` and \`namespaces\` whether he may, by his groups, and fails when that is more or less than
\`grants\` give. Changes nothing. The same subjects with other names need asking once only: give one for each set of groups where there are many.`,
  args: K8sCanIArgs,
  returns: { asked: 'number of questions', wrong: 'where it is otherwise, in words' },
  examples: [
    {
      title: 'Viewers read pods in care, and no Secret anywhere',
      yaml: `k8s_can_i:
  subjects: [{ name: ravi, groups: ["care:viewers"] }]
  grants: [{ group: "care:viewers", namespaces: [care], rules: [{ resources: [pods], verbs: [get, list, watch] }] }]
  verbs: [get, list, create, delete]
  resources: [pods, pods/exec, secrets, deployments.apps]
  namespaces: [care, kube-system, ""]`,
    },
  ],
  refuses(args) {
    const count = args.subjects.length * cellsOf(args).length;
    return count > MOST_CELLS ? [`${String(count)} questions (subjects × verbs × resources × namespaces) are more than ${String(MOST_CELLS)}: give fewer`] : [];
  },
  queries: (args, host) => queriesWithLogin(args, host, (login) => args.subjects.map((subject) => allowed({ login, subject, cells: cellsOf(args) }))),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
