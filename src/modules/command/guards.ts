/** The guards that command, shell and script share: when a command need not run. */
import { z } from 'zod';
import { commandStatus } from '../../host/kinds/command.ts';
import { isPattern, pathGlob } from '../../host/kinds/glob.ts';
import { stat } from '../../host/kinds/path.ts';
import type { Plan } from '../../host/plan.ts';
import type { AnyQuery, Query } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { ValueMap } from '../../support/value.ts';
import { AbsolutePath } from '../arguments.ts';

/** Read-only command lines, all of which are asked. */
const CommandLines = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((v) => (typeof v === 'string' ? [v] : v));
const PathOrPattern = z.string().min(1).refine((p) => !/[\0\n]/.test(p), 'must not hold a NUL or a newline');

export const guardArguments = {
  chdir: AbsolutePath.optional().describe('Directory to run in; default /'),
  creates: PathOrPattern.optional().describe('A path (or pattern) that the command makes: when it exists, the command is not run'),
  removes: PathOrPattern.optional().describe('A path (or pattern) that the command removes: when it does not exist, the command is not run'),
  unless: CommandLines.optional().describe('Read-only command line for sh, or a list: when one exits 0, the command is not run. Runs in check mode too'),
  onlyif: CommandLines.optional().describe('Read-only command line for sh, or a list: when one exits other than 0, the command is not run. Runs in check mode too'),
};

export interface Guards {
  readonly chdir?: string | undefined;
  readonly creates?: string | undefined;
  readonly removes?: string | undefined;
  readonly unless?: readonly string[] | undefined;
  readonly onlyif?: readonly string[] | undefined;
}

interface Guard {
  readonly query: AnyQuery;
  /** Why the command need not run, or undefined when this guard lets it run. */
  decide(host: HostView): string | undefined;
  /** A guard that already holds is not undone by an earlier change that may have touched anything. */
  readonly lasting: boolean;
}

function absolute(path: string, chdir: string | undefined): string {
  return path.startsWith('/') ? path : `${chdir === undefined || chdir === '/' ? '' : chdir}/${path}`;
}

function pathGuard(path: string, wanted: boolean, shown: string): Guard {
  const told = (exists: boolean): string | undefined => (exists === wanted ? `did not run: ${shown} ${wanted ? 'exists' : 'does not exist'}` : undefined);
  if (isPattern(path)) {
    const query = pathGlob(path);
    return { query, lasting: wanted, decide: (host) => told(host.fact(query).length > 0) };
  }
  const query = stat(path);
  return { query, lasting: wanted, decide: (host) => told(host.fact(query).exists) };
}

function statusGuard(query: Query<number>, stopsAt: (rc: number) => boolean, why: string): Guard {
  return {
    query,
    lasting: false,
    decide(host) {
      const rc = host.fact(query);
      return stopsAt(rc) ? `did not run: ${why} (exit status ${String(rc)})` : undefined;
    },
  };
}

function guardsOf(args: Guards): readonly Guard[] {
  const status = (command: string): Query<number> => commandStatus(args.chdir === undefined ? { command } : { command, chdir: args.chdir });
  return [
    ...(args.creates === undefined ? [] : [pathGuard(absolute(args.creates, args.chdir), true, args.creates)]),
    ...(args.removes === undefined ? [] : [pathGuard(absolute(args.removes, args.chdir), false, args.removes)]),
    ...(args.unless ?? []).map((c) => statusGuard(status(c), (rc) => rc === 0, `unless: ${c}`)),
    ...(args.onlyif ?? []).map((c) => statusGuard(status(c), (rc) => rc !== 0, `onlyif: ${c}`)),
  ];
}

export function guardQueries(args: Guards): readonly AnyQuery[] {
  return guardsOf(args).map((g) => g.query);
}

/**
 * @param values what `register` gets when the command does not run (Ansible gives rc 0 and empty outputs)
 * @returns the plan when a guard keeps the command from running, or check mode cannot tell; else undefined
 */
export function guarded(args: Guards, host: HostView, values: ValueMap): Plan | undefined {
  let doubt: string | undefined;
  for (const guard of guardsOf(args)) {
    const because = guard.decide(host);
    const uncertain = host.uncertain(guard.query);
    if (because !== undefined && (uncertain === undefined || guard.lasting)) return { type: 'ok', values, msg: because };
    doubt ??= uncertain;
  }
  return doubt === undefined ? undefined : { type: 'unknown', because: `whether it must run is unknown ${doubt}` };
}
