/** How the planning of a module ends early: with a plan that says why. */
import { failed, type Plan } from '../../host/plan.ts';

/** Ends the planning with a plan that says why; caught by {@link planned}. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly plan: Plan;
  constructor(plan: Plan) {
    super(plan.type);
    this.plan = plan;
  }
}

/** Ends the planning: the module fails, and says what to do. @throws what {@link planned} catches */
export function refuse(msg: string, remedy?: string): never {
  throw new Refused(failed(msg, remedy));
}

/** Ends the planning: in check mode nobody can tell yet. @throws what {@link planned} catches */
export function undecided(because: string): never {
  throw new Refused({ type: 'unknown', because });
}

/** Runs a plan that may be refused by what a server says. @returns the plan, or the one that says why not */
export function planned(decide: () => Plan): Plan {
  try {
    return decide();
  } catch (error) {
    if (error instanceof Refused) return error.plan;
    throw error;
  }
}
