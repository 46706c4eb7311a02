/** What lets this program in: taking it away with the very login that stands on it would lock the operators out. Kept by `vault init` and `vault access`. */
import { ACCESS_MOUNT, ACCESS_POLICIES } from '../../../services/vault/access.ts';

/** Policies that role `vault` makes. */
const POLICIES: readonly string[] = ACCESS_POLICIES;
const PATHS: readonly RegExp[] = [
  new RegExp(`^sys/auth/${ACCESS_MOUNT}(?:/|$)`),
  new RegExp(`^auth/${ACCESS_MOUNT}/(?:config|certs/(?:operator|member))$`),
  ...POLICIES.map((name) => new RegExp(`^sys/(?:policy|policies/acl)/${name}$`)),
];

/** Whether a policy is one of those that operators and members get in with. */
export function isOwnPolicy(name: string): boolean {
  return POLICIES.includes(name);
}

/** Whether a path holds the operators' and members' access. */
export function isOwnPath(path: string): boolean {
  return PATHS.some((pattern) => pattern.test(path));
}

/** Whether an auth method is the one that operators and members log in at. */
export function isOwnMount(path: string): boolean {
  return path === ACCESS_MOUNT;
}

export const OWN_MESSAGE = 'is what operators and members get in with: care-provision vault access keeps it, and nothing else may';

/** The method that the task itself logs in at can't be removed by it. */
export function isLoginMount(args: { readonly path: string; readonly role_id?: string | undefined; readonly approle_mount: string }): boolean {
  return args.role_id !== undefined && args.path === args.approle_mount;
}
