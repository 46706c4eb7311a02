/** Providers of OpenID Connect that an API server would refuse, and the file that it reads. */
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { oidcTroubles } from '../../../../src/modules/kubernetes_inventory/oidc.ts';
import { KubernetesInventoryArgs } from '../../../../src/modules/kubernetes_inventory/schema.ts';
import type { ValueMap } from '../../../../src/support/value.ts';
import { authenticationConfiguration } from '../../../support/oidc-provider.ts';
import { validCertificate } from '../../roles/support/certificates.ts';

const LOGIN = { url: 'https://login.care.example/realms/care', audiences: ['kubernetes'] };
const troubles = (...issuers: readonly Readonly<Record<string, unknown>>[]): string => oidcTroubles(KubernetesInventoryArgs.shape.oidc_issuers.parse(issuers), 'cluster.local').join('\n');

describe('oidcTroubles', () => {
  it('lets sound ones be', () => {
    expect(troubles()).toBe('');
    expect(troubles(LOGIN)).toBe('');
    expect(troubles({ ...LOGIN, ca: validCertificate(2), discovery_url: 'https://10.0.0.1/.well-known/openid-configuration', username_prefix: 'a:', required_claims: { hd: 'care.example' } }, { url: 'https://other.example', audiences: ['x', 'y'], username_prefix: 'b:', groups_claim: '' })).toBe('');
  });

  it.each([
    ['http://login.care.example', 'no address that begins with https://'],
    ['login.care.example', 'no address that begins with https://'],
    ['https://a:b@login.care.example', 'has a user name or a password in it'],
    ['https://login.care.example/?realm=care', 'has a query or a fragment'],
    ['https://login.care.example/#', 'has a query or a fragment'],
    ['https://kubernetes.default.svc.cluster.local', 'is the cluster itself'],
  ])('refuses the address %s', (url, why) => {
    expect(troubles({ ...LOGIN, url })).toContain(why);
  });

  it.each([
    [{ audiences: [] }, 'has no `audiences`: a token for anybody would do here'],
    [{ audiences: ['a', 'a'] }, 'has the audience a twice'],
    [{ audiences: ['a', ''] }, 'has an empty audience'],
    [{ discovery_url: 'https://login.care.example/realms/care/' }, 'has its own address as `discovery_url`'],
    [{ discovery_url: 'http://10.0.0.1/d' }, 'no address that begins with https://'],
    [{ ca: '/etc/ssl/ca.pem' }, 'has a `ca` that is no certificate in PEM'],
    [{ ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }, "1 of 1 certificates that can't be read"],
    [{ username_claim: '' }, 'needs a `username_claim`'],
    [{ groups_prefix: 'system:' }, 'has a `groups_prefix` of Kubernetes\' own, "system:"'],
    [{ username_prefix: 'kubeadm:x' }, 'has a `username_prefix` of Kubernetes\' own'],
  ])('refuses %j', (more, why) => {
    expect(troubles({ ...LOGIN, ...more })).toContain(why);
  });

  it('keeps one provider from speaking for the people of another', () => {
    expect(troubles(LOGIN, { ...LOGIN, username_prefix: 'b:' })).toBe('two OIDC providers have the address https://login.care.example/realms/care');
    expect(troubles(LOGIN, { ...LOGIN, url: 'https://other.example' })).toContain('each could say that somebody is a person of the other');
    expect(troubles({ ...LOGIN, discovery_url: 'https://d.example' }, { ...LOGIN, url: 'https://other.example', username_prefix: 'b:', discovery_url: 'https://d.example' })).toBe('two OIDC providers have the discovery_url https://d.example');
    expect(troubles(...Array.from({ length: 65 }, (_, i) => ({ ...LOGIN, url: `https://o${String(i)}.example`, username_prefix: `${String(i)}:` })))).toBe('65 OIDC providers: an API server takes 64');
  });
});

/** AuthenticationConfiguration of apiserver.config.k8s.io/v1, its fields as k8s.io/apiserver v0.36.3, pkg/apis/apiserver/v1/types.go has them; an API server takes no others. */
const mapping = z.strictObject({ claim: z.string().min(1), prefix: z.string() });
const AuthenticationConfiguration = z.strictObject({
  apiVersion: z.literal('apiserver.config.k8s.io/v1'),
  kind: z.literal('AuthenticationConfiguration'),
  jwt: z.array(z.strictObject({
    issuer: z.strictObject({ url: z.url(), discoveryURL: z.url().optional(), certificateAuthority: z.string().min(1).optional(), audiences: z.array(z.string()).min(1), audienceMatchPolicy: z.literal('MatchAny') }),
    claimValidationRules: z.array(z.strictObject({ claim: z.string(), requiredValue: z.string() })).min(1).optional(),
    claimMappings: z.strictObject({ username: mapping, groups: mapping.optional() }),
    userValidationRules: z.array(z.strictObject({ expression: z.string(), message: z.string() })),
  })).min(1).optional(),
  anonymous: z.strictObject({ enabled: z.literal(true), conditions: z.array(z.strictObject({ path: z.string() })).length(3) }),
});
const rendered = (...issuers: readonly ValueMap[]): z.output<typeof AuthenticationConfiguration> => AuthenticationConfiguration.parse(parse(authenticationConfiguration(issuers)));

describe('the file that API servers read', () => {
  test('has no provider where none is asked for', () => {
    expect(rendered().jwt).toBeUndefined();
  });

  test('has what was asked for, and keeps names of Kubernetes’ own from every provider', () => {
    const ca = validCertificate(2);
    const { jwt } = rendered(LOGIN, { url: 'https://other.example', audiences: ['x', 'y'], ca, discovery_url: 'https://d.example/c', username_claim: 'email', username_prefix: 'o:', groups_claim: '', required_claims: { hd: 'care.example', 'a: b': '"' } });
    expect(jwt?.map(({ userValidationRules, ...rest }) => [userValidationRules.length, rest])).toEqual([
      [2, { issuer: { url: LOGIN.url, audiences: ['kubernetes'], audienceMatchPolicy: 'MatchAny' }, claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { claim: 'groups', prefix: '' } } }],
      [2, { issuer: { url: 'https://other.example', discoveryURL: 'https://d.example/c', certificateAuthority: ca, audiences: ['x', 'y'], audienceMatchPolicy: 'MatchAny' }, claimMappings: { username: { claim: 'email', prefix: 'o:' } }, claimValidationRules: [{ claim: 'hd', requiredValue: 'care.example' }, { claim: 'a: b', requiredValue: '"' }] }],
    ]);
    expect(jwt?.[0]?.userValidationRules.map((rule) => rule.expression).join('\n')).toMatch(/user\.username\.startsWith\('system:'\)[^]*group\.startsWith\('system:'\)/);
  });
});
