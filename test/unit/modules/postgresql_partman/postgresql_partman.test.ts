/** Decisions of postgresql_partman. */
import { expect, it } from 'vitest';
import { decide, NO_TABLE, type PartmanArgs, type State } from '../../../../src/modules/postgresql_partman/decide.ts';

const args: PartmanArgs = { schema: 'audit', table: "it's", control: 'at', interval: '1 month', premake: 4, partman_schema: 'partman' };
const config = { control: 'at', interval: '1 mon', premake: 4, infinite: true, retention: null, automatic: 'on' };
const state = (init: Partial<State> = {}): State => ({ table: 'partitioned', partman: true, interval: '1 mon', config, ...init });

it('waits for the table, and leaves one that is as declared', () => {
  expect(decide(args, NO_TABLE)).toEqual({ type: 'nothing' });
  expect(decide(args, state())).toEqual({ type: 'nothing' });
});

it('takes a table under its care, and has nothing to do afterwards', () => {
  const step = decide(args, state({ config: null }));
  if (step.type !== 'change') throw new Error(step.type);
  expect(step.statements[1]).toBe(`SELECT "partman".create_parent('audit.it''s', 'at', '1 month', p_premake := 4, p_jobmon := false)`);
  expect(decide(args, step.after)).toEqual({ type: 'nothing' });
});

it('mends what was changed by hand', () => {
  const step = decide(args, state({ config: { ...config, premake: 2, retention: '1 mon', infinite: false, automatic: 'off' } }));
  expect(step).toMatchObject({ type: 'change', what: '2 → 4 ahead, also when no rows come, no retention by pg_partman, maintenance on' });
  expect(step.type === 'change' ? step.statements.length : 0).toBe(3);
});

it.each([
  [state({ table: 'plain' }), 'table audit.it\'s is not partitioned by range'],
  [state({ partman: false, config: null }), 'pg_partman 5 or later is not in schema partman'],
  [state({ config: { ...config, control: 'when' } }), 'table audit.it\'s has partitions by the column when, not at, which pg_partman can\'t change'],
  [state({ config: { ...config, interval: '1 day' } }), 'table audit.it\'s has partitions by the length 1 day, not 1 month, which pg_partman can\'t change'],
])('refuses %j', (now, msg) => {
  expect(decide(args, now)).toMatchObject({ type: 'refuse', msg });
});
