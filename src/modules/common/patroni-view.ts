/**
 * What Patroni's REST API says of its cluster: `GET /cluster`, which reads the DCS anew each time
 * (https://patroni.readthedocs.io/en/latest/rest_api.html). Reads only; shared by the modules that guard and move a cluster.
 */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';

export interface PatroniViewKey {
  /** REST APIs to ask, in order, until one answers. */
  readonly urls: readonly string[];
  readonly cacert: string;
}

export interface PatroniMember {
  readonly name: string;
  /** leader, standby_leader, sync_standby, quorum_standby or replica. */
  readonly role: string;
  /** running (a leader), streaming, starting, stopped … */
  readonly state: string;
  readonly timeline: number | undefined;
  /** Bytes behind the leader's last known position; undefined when it is not known. */
  readonly lag: number | undefined;
  readonly pendingRestart: boolean;
}

export interface PatroniView {
  /** Undefined when no REST API answered; then `trouble` says why. */
  readonly members: readonly PatroniMember[] | undefined;
  readonly trouble: string;
  readonly paused: boolean;
  /** When a switchover is scheduled for, ISO 8601; empty when there is none. */
  readonly scheduled: string;
}

/** Seconds that one REST API may take to answer. */
const ASK_SECONDS = 5;

function probeOne(key: PatroniViewKey): string {
  return `care_view= care_why=
if command -v curl >/dev/null 2>&1; then
  for care_url in ${key.urls.map(quote).join(' ')}; do
    care_view=$(curl -sS --noproxy '*' --max-time ${String(ASK_SECONDS)} --cacert ${quote(key.cacert)} "$care_url/cluster" 2>&1) && break
    care_why="$care_why$care_view
"
    care_view=
  done
else care_why='curl is not installed'
fi
printf '%s' "$care_why"
care_mark
printf '%s' "$care_view"
care_mark`;
}

const Cluster = z.object({
  members: z.array(
    z
      .object({
        name: z.string(),
        role: z.string(),
        state: z.string(),
        timeline: z.int().optional(),
        lag: z.union([z.number(), z.string()]).optional(),
        pending_restart: z.boolean().default(false),
      })
      .transform((m): PatroniMember => ({ name: m.name, role: m.role, state: m.state, timeline: m.timeline, lag: typeof m.lag === 'number' ? m.lag : undefined, pendingRestart: m.pending_restart })),
  ),
  pause: z.boolean().default(false),
  scheduled_switchover: z.object({ at: z.string() }).optional(),
});

function parseOne(why: string, text: string): PatroniView {
  if (text.trim() === '') return { members: undefined, trouble: why.trim().split('\n').at(-1) ?? '', paused: false, scheduled: '' };
  const cluster = Cluster.parse(JSON.parse(text));
  return { members: cluster.members, trouble: '', paused: cluster.pause, scheduled: cluster.scheduled_switchover?.at ?? '' };
}

function parse(keys: readonly PatroniViewKey[], output: ProbeOutput): readonly PatroniView[] {
  const sections = [output.head, ...output.sections].map((s) => s.toString('utf8'));
  return keys.map((_, i) => parseOne(sections[i * 2] ?? '', sections[i * 2 + 1] ?? ''));
}

export const patroniView = defineQuery<PatroniViewKey, PatroniView>({
  name: 'patroni-view',
  id: (key) => key.urls.join(' '),
  describe: (key) => `Patroni cluster as ${key.urls[0] ?? 'nobody'} sees it`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  show: (view) => (view.members === undefined ? view.trouble : view.members.map((m) => `${m.name} ${m.role} ${m.state}`).join(', ')),
  volatile: true,
});

export function leaderOf(view: PatroniView): PatroniMember | undefined {
  return view.members?.find((m) => m.role === 'leader' || m.role === 'standby_leader');
}

/** Members whose acknowledgement commits wait for. */
export function syncStandbys(view: PatroniView): readonly PatroniMember[] {
  return (view.members ?? []).filter((m) => m.role === 'sync_standby' || m.role === 'quorum_standby');
}

export const RestUrls = z
  .union([z.string(), z.array(z.string())])
  .transform((v) => (typeof v === 'string' ? [v] : v))
  .pipe(z.array(z.string().regex(/^https?:\/\/[^\s/]+$/, 'must be an http or https URL of host and port only')).min(1));

export const CaFile = AbsolutePath.default('/etc/postgresql/pki/ca.crt');

/** A member's name: one word, safe in arguments and messages. */
export const MemberName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be letters, digits, . _ and -');
