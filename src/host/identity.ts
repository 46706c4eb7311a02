/** As whom a task works on a host. */
import type { Become } from '../transport/types.ts';

export interface Identity {
  readonly become: Become | undefined;
  /** The user's name: the become user, or the login user. */
  readonly user: string;
}

/** Equal for identities that share what they can see. */
export function identityKey(identity: Identity): string {
  return identity.become === undefined ? '' : identity.become.user;
}
