/**
 * The module contract. A module is data about one kind of resource: arguments with their texts, the facts
 * it needs, and a pure plan. It never sees a connection. One folder a module under `src/modules/`.
 */
import { z } from 'zod';
import type { Plan } from '../host/plan.ts';
import type { AnyQuery } from '../host/query.ts';
import type { HostView } from '../host/view.ts';
import type { Observation } from '../support/observation.ts';
import type { ValueMap } from '../support/value.ts';

// zod would write, and the engine compile, a function for each schema that is used: dear for a hundred checks of small maps.
z.config({ jitless: true });

export interface ModuleExample {
  /** What the example does, one line. */
  readonly title: string;
  /** A task in YAML, as it would stand in a playbook. Checked against the schema by a test. */
  readonly yaml: string;
}

/** What is wrong, and the group of the inventory that it is wrong with: told at the place where that is written. */
export type Refusal = string | { readonly summary: string; readonly group: string };

export interface ModuleDefinition<Schema extends z.ZodType> {
  /** Ansible's name where it has such a module. */
  readonly name: string;
  /** One sentence, no final full stop. */
  readonly summary: string;
  /** Longer text in Markdown: what it does, where it differs from Ansible's. */
  readonly description?: string;
  /** A strict object; every field has `.describe('…')`. Values arrive rendered. */
  readonly args: Schema;
  /**
   * Lets a task be written `command: echo hi`: the name of the argument that such a plain string fills.
   */
  readonly freeForm?: string;
  /** Argument names that hold values which must never be shown. */
  readonly secretArgs?: readonly string[];
  readonly examples: readonly ModuleExample[];
  /** What `register` gets besides changed/failed/msg, for the reference: name → text. */
  readonly returns?: Readonly<Record<string, string>>;
  /**
   * What is wrong with the arguments by themselves. Pure, asks nothing of a host: told before any host is touched, where the arguments can
   * be told then.
   *
   * @returns a sentence for each trouble
   */
  refuses?(args: z.output<Schema>): readonly Refusal[];
  /**
   * The facts the plan will ask for, as far as can be told; called again as facts come in. Facts that the
   * plan asks for and that are not listed here cost another round trip, never a failure.
   */
  queries?(args: z.output<Schema>, host: HostView): readonly AnyQuery[];
  /** Pure and synchronous. May throw FactsNeeded (through `host.fact`). */
  plan(args: z.output<Schema>, host: HostView): Plan;
  /**
   * What the task has seen that belongs into a report's calendars. Pure; asks nothing that `plan` has not asked.
   *
   * @param values what `register` gets
   * @param host as the plan saw it; undefined once something was changed, when that no longer holds
   */
  observes?(args: z.output<Schema>, values: ValueMap, host: HostView | undefined): readonly Observation[];
}

/** A module with its argument type erased: the engine parses arguments with `args` first. */
export interface Module {
  readonly name: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly args: z.ZodType;
  readonly freeForm: string | undefined;
  readonly secretArgs: readonly string[];
  readonly examples: readonly ModuleExample[];
  readonly returns: Readonly<Record<string, string>>;
  /** What is wrong with raw arguments by themselves; undefined where the module has nothing to say. @throws z.ZodError */
  readonly refuses: ((rawArgs: unknown) => readonly Refusal[]) | undefined;
  /** Parsed arguments ready for planning. @throws z.ZodError */
  prepare(rawArgs: unknown): PreparedModule;
}
export interface PreparedModule {
  queries(host: HostView): readonly AnyQuery[];
  plan(host: HostView): Plan;
  readonly observes: ((values: ValueMap, host: HostView | undefined) => readonly Observation[]) | undefined;
}

export function defineModule<Schema extends z.ZodType>(definition: ModuleDefinition<Schema>): Module {
  return {
    name: definition.name,
    summary: definition.summary,
    description: definition.description,
    args: definition.args,
    freeForm: definition.freeForm,
    secretArgs: definition.secretArgs ?? [],
    examples: definition.examples,
    returns: definition.returns ?? {},
    refuses: definition.refuses === undefined ? undefined : (rawArgs) => definition.refuses?.(definition.args.parse(rawArgs)) ?? [],
    prepare(rawArgs) {
      const args = definition.args.parse(rawArgs);
      const observes = definition.observes?.bind(definition);
      return {
        queries: (host) => definition.queries?.(args, host) ?? [],
        plan: (host) => definition.plan(args, host),
        observes: observes === undefined ? undefined : (values, host) => observes(args, values, host),
      };
    },
  };
}
