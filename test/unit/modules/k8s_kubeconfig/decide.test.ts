import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterOf, kubeconfigHead, reasonToMake, tooShort, type Wish } from '../../../../src/modules/k8s_kubeconfig/decide.ts';
import { k8sKubeconfig } from '../../../../src/modules/k8s_kubeconfig/index.ts';
import { signCertificate } from '../../../support/bare-kubernetes.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sKubeconfig, import.meta.url);

const dir = mkdtempSync(path.join(tmpdir(), 'care-kubeconfig-'));
const read = (name: string): string => readFileSync(path.join(dir, name), 'utf8');
const now = Date.now() / 1000;
let wish: Wish;
/** A file as the module writes it. */
const file = (certificate: string, key: string, one = wish): string => `${kubeconfigHead(one, read(certificate))}      client-key-data: ${Buffer.from(read(key)).toString('base64')}\n`;

beforeAll(() => {
  for (const name of ['ca', 'other']) execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${dir}/${name}.key`, '-out', `${dir}/${name}.crt`, '-subj', `/CN=${name}`, '-days', '9'], { stdio: 'ignore' });
  signCertificate(dir, 'asha', '/O=care:viewers/O=care:b/CN=asha');
  signCertificate(dir, 'ravi', '/O=care:viewers/O=care:b/CN=ravi');
  wish = { cluster: { name: 'care', server: 'https://api:6443', ca: read('ca.crt') }, user: 'asha', groups: ['care:b', 'care:viewers', 'care:b'], renewBeforeDays: 1 };
});
afterAll(() => { rmSync(dir, { recursive: true, force: true }); });

describe('reasonToMake', () => {
  it('leaves one that is as wished', () => {
    expect(reasonToMake(file('asha.crt', 'asha.key'), wish, now)).toBeUndefined();
  });

  it('leaves one that any of the cluster’s CAs has signed', () => {
    const both = { ...wish, cluster: { ...wish.cluster, ca: `${read('other.crt')}${read('ca.crt')}` } };
    expect(reasonToMake(file('asha.crt', 'asha.key', both), both, now)).toBeUndefined();
  });

  it('leaves one whose groups are one part of the subject, as the cluster signs them', () => {
    signCertificate(dir, 'signed', '/O=care:b+O=care:viewers/CN=asha');
    expect(reasonToMake(file('signed.crt', 'signed.key'), wish, now)).toBeUndefined();
  });

  it.each<[string, () => string, () => Wish, number, RegExp]>([
    ['nothing', () => '', () => wish, 0, /no kubeconfig/],
    ['what is no YAML', () => 'a: [', () => wish, 0, /no kubeconfig/],
    ['another person', () => file('ravi.crt', 'ravi.key'), () => wish, 0, /it is for ravi/],
    ['another key', () => file('asha.crt', 'ravi.key'), () => wish, 0, /its key is not that/],
    ['one group fewer', () => file('asha.crt', 'asha.key'), () => ({ ...wish, groups: ['care:b'] }), 0, /its groups are care:b, care:viewers/],
    ['another server', () => file('asha.crt', 'asha.key'), () => ({ ...wish, cluster: { ...wish.cluster, server: 'https://b' } }), 0, /it is for https:\/\/api:6443/],
    ['another CA', () => file('asha.crt', 'asha.key'), () => ({ ...wish, cluster: { ...wish.cluster, ca: read('other.crt') } }), 0, /another CA/],
    ['a certificate of another CA', () => file('asha.crt', 'asha.key', { ...wish, cluster: { ...wish.cluster, ca: read('other.crt') } }), () => ({ ...wish, cluster: { ...wish.cluster, ca: read('other.crt') } }), 0, /signed by another CA/],
    ['one that soon ends', () => file('asha.crt', 'asha.key'), () => wish, 1.5 * 86_400, /expires in 0 days/],
    ['one that has ended', () => file('asha.crt', 'asha.key'), () => wish, 3 * 86_400, /has expired/],
  ])('%s', (_name, text, one, later, why) => {
    expect(reasonToMake(text(), one(), now + later)).toMatch(why);
  });
});

it('tooShort tells a certificate that would be made anew at every run', () => {
  expect(tooShort(read('asha.crt'), wish, now)).toBeUndefined();
  expect(tooShort(read('asha.crt'), { ...wish, renewBeforeDays: 14 }, now)).toMatch(/signs for [12] days/);
});

describe('clusterOf', () => {
  it('takes the current context’s', () => {
    expect(clusterOf(file('asha.crt', 'asha.key'))).toEqual(wish.cluster);
    expect(clusterOf('clusters: []')).toBeUndefined();
  });
});
