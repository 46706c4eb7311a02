import type { ValueMap } from '../../support/value.ts';
import { defineModule } from '../define.ts';
import { SetFactSchema } from './schema.ts';

export const setFact = defineModule({
  name: 'set_fact',
  summary: 'Set variables of a host for the rest of the run',
  description: 'Values keep their types when they are one whole `{{ expression }}`. Nothing is remembered after the run.',
  args: SetFactSchema,
  examples: [{ title: 'Remember a result', yaml: 'set_fact:\n  etcd_first: "{{ groups.etcd.[0] }}"\n  etcd_wanted: 3\n' }],
  // Sound: arguments are rendered values; the schema passes them through.
  plan: (args) => ({ type: 'ok', facts: args as ValueMap, values: { ansible_facts: args as ValueMap } }),
});
