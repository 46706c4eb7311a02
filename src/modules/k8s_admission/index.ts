import { createHash } from 'node:crypto';
import { parse, YAMLError } from 'yaml';
import { z } from 'zod';
import { defineServiceQuery } from '../../host/define-query.ts';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { Query, ErasedServiceKind } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { ApiIdentity } from '../../services/kubernetes/client.ts';
import { kubernetesLoginId, type KubernetesLogin } from '../../services/kubernetes/login.ts';
import { tryConnect, tryObject, type Manifest } from '../../services/kubernetes/objects.ts';
import { queriesWithLogin, withLogin } from '../common/kubernetes/login.ts';
import { BadDefinition, manifestsOf } from '../common/kubernetes/manifests.ts';
import { each, type Heard } from '../common/kubernetes/queries.ts';
import { revealed } from '../../support/secret.ts';
import { defineModule } from '../define.ts';
import { wrongWith } from './judge.ts';
import { CasesFile, K8sAdmissionArgs, type AdmissionCase } from './schema.ts';

interface TryKey {
  readonly login: KubernetesLogin;
  readonly what: { readonly type: 'object'; readonly manifest: Manifest } | { readonly type: 'connect'; readonly namespace: string; readonly subresource: string };
  readonly as: ApiIdentity | undefined;
}

const tried = defineServiceQuery<TryKey, Heard<unknown>>({
  name: 'kubernetes-admission',
  id: ({ login, what, as }) => `${kubernetesLoginId(login)} ${createHash('sha256').update(JSON.stringify([what, as])).digest('hex').slice(0, 24)}`,
  describe: ({ what }) => (what.type === 'object' ? `admission of ${what.manifest.kind} ${what.manifest.metadata.name}` : `admission of ${what.subresource} in ${what.namespace}`),
  answer: (keys, port) => each(keys, port, async (client, { what, as }) => {
    const said = what.type === 'object' ? await tryObject(client, what.manifest, as, port.signal) : await tryConnect(client, what.namespace, what.subresource, as, port.signal);
    return said.ok ? { ok: true, value: null } : said;
  }),
  show: (fact) => (fact.ok ? 'admitted' : fact.msg),
  after: ['unit', 'kubernetes-applied', 'kubernetes-present'],
  volatile: true,
  passing: () => true,
});

function queryOf(login: KubernetesLogin, one: AdmissionCase, args: K8sAdmissionArgs): Query<Heard<unknown>, ErasedServiceKind> {
  const as = one.as === undefined ? undefined : { user: one.as.user, group: one.as.group };
  if (one.connect !== undefined) return tried({ login, what: { type: 'connect', namespace: one.connect.namespace, subresource: one.connect.subresource }, as });
  const [manifest, ...more] = manifestsOf(one.definition, args.namespace);
  if (manifest === undefined || more.length > 0) throw new BadDefinition(`${one.name}: one object, not ${String(more.length + (manifest === undefined ? 0 : 1))}`);
  return tried({ login, what: { type: 'object', manifest }, as });
}

/** Cases are mostly aliases; those of aliases count as many times. */
const MOST_ALIASES = 1_000_000;

/** @throws BadDefinition */
function casesOf(args: K8sAdmissionArgs, host: HostView): readonly AdmissionCase[] {
  if (args.template === undefined) return args.cases ?? [];
  try {
    return CasesFile.parse(parse(revealed(host.render(args.template)), { version: '1.2', merge: true, maxAliasCount: MOST_ALIASES })).cases;
  } catch (error) {
    // What an alias names is looked up when values are made, and not found by a ReferenceError.
    if (error instanceof YAMLError || error instanceof ReferenceError) throw new BadDefinition(`${args.template} is not YAML: ${error.message}`);
    if (error instanceof z.ZodError) throw new BadDefinition(`${args.template}: ${z.prettifyError(error)}`);
    throw error;
  }
}

function planWith(login: KubernetesLogin, args: K8sAdmissionArgs, host: HostView): Plan {
  try {
    const cases = casesOf(args, host);
    const wrong = cases.flatMap((one) => wrongWith(one, host.fact(queryOf(login, one, args))) ?? []);
    const values = { tried: cases.length, wrong };
    return wrong.length === 0 ? ok(values) : { type: 'failed', msg: `${String(wrong.length)} of ${String(cases.length)} are not admitted or refused as they are to be:\n${wrong.join('\n')}`, values };
  } catch (error) {
    if (error instanceof BadDefinition) return failed(error.message);
    throw error;
  }
}

export const k8sAdmission = defineModule({
  name: 'k8s_admission',
  summary: 'Try which objects a Kubernetes cluster admits, and by what it refuses the others',
  description: `Changes nothing: each object is sent as a dry run on the server, which goes through all of admission (Pod Security, policies, webhooks, quotas) and stores nothing.
Fails, naming the cases, when one that is to be admitted is refused, or one that is to be refused is admitted or is refused by something else.`,
  args: K8sAdmissionArgs,
  returns: { tried: 'number of cases', wrong: 'those that went otherwise, in words' },
  examples: [
    {
      title: 'A privileged pod is refused by Pod Security; nobody gets into the pods of care',
      yaml: `k8s_admission:
  cases:
    - name: a privileged container
      refused_by: PodSecurity
      definition:
        apiVersion: v1
        kind: Pod
        metadata: { name: x, namespace: care }
        spec: { containers: [{ name: x, image: registry.example.org/x, securityContext: { privileged: true } }] }
    - name: a shell in a pod
      refused_by: care-no-exec
      connect: { namespace: care }`,
    },
  ],
  queries: (args, host) => queriesWithLogin(args, host, (login) => {
    try {
      return casesOf(args, host).map((one) => queryOf(login, one, args));
    } catch (error) {
      // The plan says what is wrong with it.
      if (error instanceof BadDefinition) return [];
      throw error;
    }
  }),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
