/** Which privileges a role is to get and lose on one object. Pure. */
import type { Entry } from '../common/postgres/acl.ts';
import { sortEntries } from '../common/postgres/acl.ts';

export interface Wish {
  readonly state: 'present' | 'absent' | 'exact';
  /** Privileges, with ALL written out. */
  readonly privileges: readonly string[];
  readonly grantOption: boolean | undefined;
}

export interface Steps {
  readonly grant: readonly string[];
  readonly withGrantOption: boolean;
  readonly revoke: readonly string[];
  /** Only the right to pass them on. */
  readonly revokeOption: readonly string[];
  readonly after: readonly Entry[];
}

/** @param entries of the object, of all roles */
export function stepsFor(role: string, entries: readonly Entry[], wish: Wish): Steps {
  const mine = new Map(entries.filter((e) => e.grantee === role).map((e) => [e.privilege, e.grantable]));
  const wants = wish.state !== 'absent';
  // PUBLIC can't pass anything on.
  const option = role === 'PUBLIC' ? undefined : wish.grantOption;
  const grant = wants ? wish.privileges.filter((p) => !mine.has(p) || (option === true && mine.get(p) === false)) : [];
  const revoke = [...mine.keys()].filter((p) => (wish.state === 'absent' ? wish.privileges.includes(p) : wish.state === 'exact' && !wish.privileges.includes(p)));
  const revokeOption = wants && option === false ? wish.privileges.filter((p) => mine.get(p) === true) : [];
  const rest = entries.filter((e) => e.grantee !== role || (!revoke.includes(e.privilege) && !grant.includes(e.privilege)));
  const after = [
    ...rest.map((e) => (e.grantee === role && revokeOption.includes(e.privilege) ? { ...e, grantable: false } : e)),
    ...grant.map((privilege) => ({ grantee: role, privilege, grantable: option === true || mine.get(privilege) === true })),
  ];
  return { grant, withGrantOption: option === true, revoke, revokeOption, after: sortEntries(after) };
}

export function hasSteps(steps: Steps): boolean {
  return steps.grant.length + steps.revoke.length + steps.revokeOption.length > 0;
}

/** What is done, in words: `+SELECT, INSERT -DELETE`. */
export function wordsOf(steps: Steps): string {
  const words: string[] = [];
  if (steps.grant.length > 0) words.push(`+${steps.grant.join(', ')}${steps.withGrantOption ? ' with grant option' : ''}`);
  if (steps.revoke.length > 0) words.push(`-${steps.revoke.join(', ')}`);
  if (steps.revokeOption.length > 0) words.push(`-grant option for ${steps.revokeOption.join(', ')}`);
  return words.join(' ');
}
