/** Whether a kubeconfig is as wished, and what a new one says. Pure. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parse, stringify, YAMLError } from 'yaml';
import { z } from 'zod';
import { pemBlocks } from '../../support/x509/inspect.ts';

const Base64 = z.string().transform((text) => Buffer.from(text, 'base64').toString('utf8'));
const Cluster = z.looseObject({ name: z.string(), cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': Base64 }) });
const Config = z.looseObject({ 'current-context': z.string(), clusters: z.array(Cluster).min(1), contexts: z.array(z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string() }) })) });
const Login = z.looseObject({ users: z.array(z.looseObject({ name: z.string(), user: z.looseObject({ 'client-certificate-data': Base64, 'client-key-data': Base64 }) })).min(1) });

/** Where a cluster is, and the CA that its API servers' certificates are verified with. */
export interface ClusterAt {
  readonly name: string;
  readonly server: string;
  readonly ca: string;
}

export interface Wish {
  readonly cluster: ClusterAt;
  readonly user: string;
  readonly groups: readonly string[];
  readonly renewBeforeDays: number;
}

const DAY = 86_400;

function parsed(text: string): unknown {
  try {
    return parse(text, { version: '1.2' });
  } catch (error) {
    if (error instanceof YAMLError) return undefined;
    throw error;
  }
}

/** The cluster of a kubeconfig's current context; undefined when it says none. */
export function clusterOf(text: string): ClusterAt | undefined {
  const config = Config.safeParse(parsed(text)).data;
  const context = config?.contexts.find((each) => each.name === config['current-context']);
  const cluster = config?.clusters.find((each) => each.name === context?.context.cluster);
  return cluster === undefined ? undefined : { name: cluster.name, server: cluster.cluster.server, ca: cluster.cluster['certificate-authority-data'] };
}

function certificateTrouble(pem: string, key: string, wish: Wish, epochSeconds: number): string | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'its key is not that of its certificate';
  } catch {
    // What cannot be read is made anew.
    return 'its certificate or key cannot be read';
  }
  // The cluster's signer makes one part of all O, which are shown as `O=a + O=b`.
  const subject = certificate.subject.split(/\n| \+ /);
  const names = (letter: string): readonly string[] => subject.filter((line) => line.startsWith(`${letter}=`)).map((line) => line.slice(letter.length + 1)).sort();
  if (names('CN').join('\n') !== wish.user) return `it is for ${names('CN').join(', ')}`;
  if (names('O').join('\n') !== [...new Set(wish.groups)].sort().join('\n')) return `its groups are ${names('O').join(', ') || 'none'}`;
  // While a CA is being changed there are several.
  if (!pemBlocks(wish.cluster.ca, 'CERTIFICATE').some((ca) => certificate.verify(new X509Certificate(ca).publicKey))) return "it is signed by another CA than the cluster's";
  const days = Math.floor((Date.parse(certificate.validTo) / 1000 - epochSeconds) / DAY);
  return days < wish.renewBeforeDays ? (days < 0 ? 'it has expired' : `it expires in ${String(days)} days`) : undefined;
}

/** @returns why a certificate that was just signed would be made anew at once; undefined when it would not */
export function tooShort(pem: string, wish: Wish, epochSeconds: number): string | undefined {
  const days = Math.floor((Date.parse(new X509Certificate(pem).validTo) / 1000 - epochSeconds) / DAY);
  return days < wish.renewBeforeDays ? `the cluster signs for ${String(days)} days, and it is to be made anew when fewer than ${String(wish.renewBeforeDays)} are left: look at --cluster-signing-duration, and when its CA ends` : undefined;
}

/** @returns why it is to be made anew; undefined when it is as wished */
export function reasonToMake(text: string, wish: Wish, epochSeconds: number): string | undefined {
  const login = Login.safeParse(parsed(text)).data?.users[0]?.user;
  if (login === undefined) return 'it is no kubeconfig with a certificate';
  const at = clusterOf(text);
  if (at?.server !== wish.cluster.server) return `it is for ${at?.server ?? 'no server'}`;
  if (at.ca.trim() !== wish.cluster.ca.trim()) return 'it has another CA';
  return certificateTrouble(login['client-certificate-data'], login['client-key-data'], wish, epochSeconds);
}

/** A kubeconfig without the key, which is added behind it as the last line. */
export function kubeconfigHead(wish: Wish, certificate: string): string {
  const base64 = (value: string): string => Buffer.from(value).toString('base64');
  const { name, server, ca } = wish.cluster;
  return stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': `${wish.user}@${name}`,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    contexts: [{ name: `${wish.user}@${name}`, context: { cluster: name, user: wish.user } }],
    users: [{ name: wish.user, user: { 'client-certificate-data': base64(certificate) } }],
  }, { lineWidth: 0 });
}
