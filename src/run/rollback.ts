/**
 * `rollback`: a run whose first play puts back, on each host, what an earlier run has replaced there, and whose further plays are those of
 * the playbooks, with their handlers alone. The first play notes on the host which of them are owed. The last one fails where something
 * could not be put back, or where nothing is kept of a run that has changed the host: by then all that can be done is done.
 */
import type { Play, Playbook } from '../language/playbook/model.ts';
import { parsePlaybookText } from '../language/playbook/parse-play.ts';
import { badInput, type ExitStatus } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import { catalogue, loadProject, loadWithoutPlaybooks, type Loaded } from './load.ts';
import { takeLocks } from './locks.ts';
import type { RunOptions } from './options.ts';
import { runLoaded } from './run.ts';

export interface RollbackRequest {
  /** The run to put back, its whole name. */
  readonly run: string;
  /** The hosts on which it may have changed something; undefined: that is not known. */
  readonly hosts: readonly string[] | undefined;
  /** Those of them on which it has. */
  readonly changed?: readonly string[];
  readonly moved: 'refuse' | 'leave' | 'overwrite';
  /** Do not read the playbooks: units are restarted as the run's handlers did. */
  readonly withoutPlaybooks: boolean;
  /** Where hosts keep runs, where that is not the usual place. */
  readonly directory?: string;
}

/** Only what has this tag is run: of the playbooks nothing but handlers that are owed. */
const TAG = 'care-provision-rollback';

/** The inventory, and the playbooks with those plays that have handlers. */
function loadFor(options: RunOptions, withoutPlaybooks: boolean): Loaded {
  if (!withoutPlaybooks) {
    const loaded = loadProject(options);
    return { ...loaded, playbooks: loaded.playbooks.map((playbook) => ({ ...playbook, plays: playbook.plays.filter((play) => play.handlers.length > 0).map(handlersOnly) })) };
  }
  return loadWithoutPlaybooks(options);
}

/** All hosts at once: what was put back is back on all of them already. */
function handlersOnly(play: Play): Play {
  return { ...play, serial: [] };
}

function handlerNames(playbooks: readonly Playbook[]): readonly string[] {
  const handlers = playbooks.flatMap((playbook) => playbook.plays).flatMap((play) => play.handlers);
  return [...new Set(handlers.map((handler) => {
    const role = handler.attributes.role?.role.name;
    const name = handler.name ?? handler.module;
    return role === undefined ? name : `${role} : ${name}`;
  }))];
}

/** What the first play has learnt on a host, for the last. */
const RESULT = 'rollback_result';
const EXPECTED = 'rollback_expected';

function playbookOf(run: string, play: object, loaded: Loaded): Playbook {
  // JSON is YAML: the text gives errors something to point at.
  return parsePlaybookText({ path: `(rollback of ${run})`, text: JSON.stringify([play], null, 2) }, process.cwd(), loaded.project, catalogue);
}

/** Without a history that knows what the run has changed, one host that has something of it is enough: the run may have left out the others. */
function closing({ run, hosts, changed }: RollbackRequest, chosen: readonly string[], loaded: Loaded): Playbook {
  const kept = hosts === undefined ? `${RESULT}.kept || ansible_play_hosts.exists(h, hostvars[h].${RESULT}.kept)` : `${RESULT}.kept || !(inventory_hostname in ${EXPECTED})`;
  const nothing = `nothing was put back of run ${run}: the host has kept nothing of it, or not any more`;
  const task = {
    name: 'all that the run has replaced is back', tags: [TAG],
    assert: { quiet: true, that: [kept, `size(${RESULT}.lost) == 0`], fail_msg: `{{#if ${RESULT}.kept}}not all is back of run ${run}: {{ join ${RESULT}.lost "; " }}{{else}}${nothing}{{/if}}` },
  };
  return playbookOf(run, { name: `what is left of run ${run}`, hosts: chosen.join(','), vars: { [EXPECTED]: changed ?? [] }, tasks: [task] }, loaded);
}

function putBack({ run, moved, directory }: RollbackRequest, hosts: readonly string[], loaded: Loaded): Playbook {
  const task = { name: `put back what run ${run} has replaced`, tags: [TAG], rollback: { run, moved, handlers: handlerNames(loaded.playbooks), ...(directory === undefined ? {} : { directory }) }, register: RESULT };
  return playbookOf(run, { name: `roll back ${run}`, hosts: hosts.join(','), become: true, tasks: [task] }, loaded);
}

/** @throws Diagnostic when none is left to work on */
function hostsOf(loaded: Loaded, { run, hosts }: RollbackRequest, limit: string | undefined): readonly string[] {
  const { inventory } = loaded;
  const within = inventory.select('all', limit);
  if (within.length === 0 && limit !== undefined) throw badInput('limit-matches-nothing', `--limit ${limit} leaves no host to work on`, { remedy: suggestion(limit, [...inventory.hosts, ...inventory.groups()]) });
  if (hosts === undefined) return within;
  const chosen = within.filter((name) => hosts.includes(name));
  if (chosen.length > 0) return chosen;
  const gone = hosts.filter((name) => !inventory.hosts.includes(name));
  throw badInput('nothing-to-put-back', `run ${run} has changed nothing on ${limit === undefined ? 'the hosts of this inventory' : `the hosts of --limit ${limit}`}`, {
    detail: hosts.length === 0 ? 'it has changed nothing at all' : `it has changed ${hosts.join(', ')}${gone.length === 0 ? '' : `; not in this inventory: ${gone.join(', ')}`}`,
    remedy: `care-provision history show ${run}`,
  });
}

/**
 * Puts back what a run has replaced.
 *
 * @returns as a run of apply or, with the mode `check`, of check
 * @throws Diagnostic or DiagnosticList for bad input (before any host is touched) and for locks
 */
export async function rollBack(given: RunOptions, request: RollbackRequest): Promise<ExitStatus> {
  const loaded = loadFor(given, request.withoutPlaybooks);
  const hosts = hostsOf(loaded, request, given.limit);
  const options: RunOptions = {
    ...given, limit: hosts.join(','), tags: [TAG], skipTags: ['always'], startAtTask: undefined, notesHandlers: true,
    keep: given.keep === undefined ? undefined : { ...given.keep, protects: request.run },
  };
  const whole = { ...loaded, playbooks: [putBack(request, hosts, loaded), ...loaded.playbooks, closing(request, hosts, loaded)] };
  if (options.mode !== 'apply') return runLoaded(whole, options);
  const held = await takeLocks(options, `rollback ${request.run}`);
  try {
    return await runLoaded(whole, { ...options, held });
  } finally {
    await held.release();
  }
}
