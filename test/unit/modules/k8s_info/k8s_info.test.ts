import { expect, it } from 'vitest';
import { listed } from '../../../../src/modules/common/kubernetes/queries.ts';
import { k8sInfo } from '../../../../src/modules/k8s_info/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sInfo, import.meta.url);

const CONFIG = '/etc/kubernetes/admin.conf';
const key = { login: { path: CONFIG, config: Secret.derived('a kubeconfig') }, apiVersion: 'v1', kind: 'Secret', namespace: 'care', name: undefined, labels: 'a=b', fields: '' };
const plan = (fact: unknown): unknown => {
  const query = listed(key);
  const facts = { content: { [CONFIG]: Buffer.from('a kubeconfig') }, [query.kind.name]: { [query.id.slice(query.kind.name.length + 1)]: fact } };
  return k8sInfo.prepare({ kind: 'Secret', namespace: 'care', label_selectors: ['a=b'] }).plan(fakeHost({ facts }));
};

it('gives the objects, and keeps what Secrets hold secret', () => {
  expect(plan({ ok: true, value: [{ kind: 'Secret', metadata: { name: 'x' }, data: { word: 'c2VjcmV0LXdvcmQ=' } }] })).toEqual({
    type: 'ok', values: { api_found: true, resources: [{ kind: 'Secret', metadata: { name: 'x' }, data: { word: new Secret('c2VjcmV0LXdvcmQ=') } }] },
  });
});

it('keeps the copy secret that kubectl apply leaves in a Secret', () => {
  const copy = 'kubectl.kubernetes.io/last-applied-configuration';
  expect(plan({ ok: true, value: [{ kind: 'Secret', metadata: { name: 'x', annotations: { [copy]: 'c2VjcmV0LXdvcmQ=', other: 'o' } } }] })).toEqual({
    type: 'ok', values: { api_found: true, resources: [{ kind: 'Secret', metadata: { name: 'x', annotations: { [copy]: new Secret('c2VjcmV0LXdvcmQ='), other: 'o' } } }] },
  });
});

it('takes what is not there for nothing, and what is refused for a failure', () => {
  expect(plan({ ok: false, status: 404, reason: 'NoKind', msg: 'x' })).toMatchObject({ type: 'ok', values: { api_found: false, resources: [] } });
  expect(plan({ ok: false, status: 403, reason: 'Forbidden', msg: 'secrets is forbidden' })).toMatchObject({ type: 'failed', msg: 'Secret: secrets is forbidden' });
});
