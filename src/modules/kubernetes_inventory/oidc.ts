/**
 * Who else than the cluster may say who somebody is: providers of OpenID Connect. Pure. An API server that is started with a file that it refuses does not start, and
 * one that reads it again goes on with the former, so all that it refuses is refused here first.
 *
 * Source: k8s.io/apiserver, pkg/apis/apiserver/validation (AuthenticationConfiguration, apiserver.config.k8s.io/v1).
 */
import { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../support/x509/inspect.ts';
import { repeated } from '../common/repeated.ts';
import type { OidcIssuer } from './schema.ts';

/** Of authenticators in one file. */
const MOST = 64;

function addressTroubles(what: string, text: string): readonly string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== 'https:') return [`${what} ${JSON.stringify(text)} is no address that begins with https://`];
  if (url.username !== '' || url.password !== '') return [`${what} has a user name or a password in it`];
  // An empty query or fragment is one, too, and none that the URL class tells of.
  return /[?#]/.test(text) ? [`${what} ${JSON.stringify(text)} has a query or a fragment`] : [];
}

function authorityTroubles(what: string, ca: string): readonly string[] {
  if (ca === '') return [];
  const blocks = pemBlocks(ca, 'CERTIFICATE');
  if (blocks.length === 0) return [`${what} has a \`ca\` that is no certificate in PEM`];
  const bad = blocks.filter((block) => { try { new X509Certificate(block); return false; } catch { return true; } });
  return bad.length > 0 ? [`${what} has a \`ca\` with ${String(bad.length)} of ${String(blocks.length)} certificates that can't be read`] : [];
}

function issuerTroubles(issuer: OidcIssuer, dnsDomain: string): readonly string[] {
  const what = `the OIDC provider ${issuer.url}`;
  const own = `https://kubernetes.default.svc.${dnsDomain}`;
  const twice = repeated(issuer.audiences);
  const trimmed = (text: string): string => text.replace(/\/+$/, '');
  return [
    ...addressTroubles('the `url` of an OIDC provider', issuer.url),
    ...(issuer.url === own ? [`${what} is the cluster itself, which says who service accounts are`] : []),
    ...(issuer.discovery_url === '' ? [] : addressTroubles(`the \`discovery_url\` of ${what}:`, issuer.discovery_url)),
    ...(issuer.discovery_url !== '' && trimmed(issuer.discovery_url) === trimmed(issuer.url) ? [`${what} has its own address as \`discovery_url\`: leave that out, or give the whole address of the discovery document`] : []),
    ...(issuer.audiences.length === 0 ? [`${what} has no \`audiences\`: a token for anybody would do here. Give the client id that people log in with`] : []),
    ...(issuer.audiences.includes('') ? [`${what} has an empty audience`] : []),
    ...(twice.length > 0 ? [`${what} has the audience ${twice.join(', ')} twice`] : []),
    ...authorityTroubles(what, issuer.ca),
    ...(issuer.username_claim === '' ? [`${what} needs a \`username_claim\``] : []),
    ...[['username_prefix', issuer.username_prefix], ['groups_prefix', issuer.groups_prefix]].flatMap(([name = '', prefix = '']) => (/^(system|kubeadm):/.test(prefix) ? [`${what} has a \`${name}\` of Kubernetes' own, ${JSON.stringify(prefix)}: all its people would be refused`] : [])),
  ];
}

/** @param dnsDomain of the services' names, which the cluster's own issuer is named by */
export function oidcTroubles(issuers: readonly OidcIssuer[], dnsDomain: string): readonly string[] {
  const same = issuers.filter((one, i) => issuers.some((other, j) => j < i && other.url !== one.url && other.username_prefix === one.username_prefix));
  return [
    ...(issuers.length > MOST ? [`${String(issuers.length)} OIDC providers: an API server takes ${String(MOST)}`] : []),
    ...issuers.flatMap((issuer) => issuerTroubles(issuer, dnsDomain)),
    ...repeated(issuers.map((issuer) => issuer.url)).filter((url) => url !== '').map((url) => `two OIDC providers have the address ${url}`),
    ...repeated(issuers.map((issuer) => issuer.discovery_url)).filter((url) => url !== '').map((url) => `two OIDC providers have the discovery_url ${url}`),
    ...same.map((issuer) => `the OIDC provider ${issuer.url} has the \`username_prefix\` ${JSON.stringify(issuer.username_prefix)} of another one: each could say that somebody is a person of the other. Give each its own`),
  ];
}
