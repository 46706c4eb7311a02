/** Who asks a Kubernetes API, and by which kubeconfig of the host. */
import { createHash } from 'node:crypto';
import type { Secret } from '../../support/secret.ts';

export interface KubernetesLogin {
  /** Where the kubeconfig is on the host, for messages. */
  readonly path: string;
  /** What it holds: certificates and keys or a token embedded, no programs to run. */
  readonly config: Secret;
}

/** Equal for equal logins only; tells nothing of the secret. */
export function kubernetesLoginId(login: KubernetesLogin): string {
  return `${login.path} ${createHash('sha256').update(login.config.reveal()).digest('hex').slice(0, 16)}`;
}
