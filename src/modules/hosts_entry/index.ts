import { isIP } from 'node:net';
import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { mount } from '../../host/kinds/mount.ts';
import { pathQueries } from '../common/look.ts';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { StringList } from '../arguments.ts';
import { joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

const PATH = '/etc/hosts';

export const HostsEntryArgs = z
  .strictObject({
    address: z.string().refine((text) => isIP(text) !== 0, 'must be an IPv4 or IPv6 address').describe('The address'),
    names: StringList.refine((names) => names.length > 0 && names.every((name) => /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(name)), 'must be host names').optional().describe('All names of the address, the canonical one first'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent` removes the address with all its names'),
  })
  .refine((args) => args.state === 'absent' || args.names !== undefined, { message: 'names are needed', path: ['names'] });
type HostsEntryArgs = z.output<typeof HostsEntryArgs>;

/** The lines of hosts(5) with exactly one for the address, where its first was, or none. */
export function editHosts(lines: readonly string[], address: string, names: readonly string[] | undefined): readonly string[] {
  const isOwn = (line: string): boolean => line.trim().split(/\s+/)[0] === address;
  const wanted = names === undefined ? [] : [`${address} ${names.join(' ')}`];
  const own = lines.filter(isOwn);
  // Blanks between the names are nobody's concern.
  if (names !== undefined && own.length === 1 && own[0]?.replace(/#.*/, '').trim().split(/\s+/).slice(1).join(' ') === names.join(' ')) return lines;
  const at = lines.findIndex(isOwn);
  if (at === -1) return [...lines, ...wanted];
  return [...lines.slice(0, at), ...wanted, ...lines.slice(at).filter((line) => !isOwn(line))];
}

function plan(args: HostsEntryArgs, host: HostView): Plan {
  const lines = splitLines(textOf(host, PATH) ?? '');
  const wanted = editHosts(lines, args.address, args.state === 'present' ? args.names : undefined);
  if (joinLines(wanted) === joinLines(lines)) return converge([]);
  const change = putText(host, { path: PATH, text: joinLines(wanted), attributes: {}, mayBeMounted: true });
  return converge(change === undefined ? [] : [{ ...change, resource: `hosts entry ${args.address}`, what: args.state === 'absent' ? 'remove' : `names ${(args.names ?? []).join(' ')}` }]);
}

export const hostsEntryModule = defineModule({
  name: 'hosts_entry',
  summary: 'Give an address its names in /etc/hosts',
  description: 'One line an address. The names given are all that the address has: names of another line for it go.',
  args: HostsEntryArgs,
  examples: [{ title: 'A peer', yaml: 'hosts_entry:\n  address: 192.0.2.11\n  names: [db1.example.org, db1]' }],
  queries: () => [...pathQueries(PATH), content(PATH), mount(PATH)],
  plan: (args, host) => planning(() => plan(args, host)),
});
