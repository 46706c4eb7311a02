import { engineOnly } from '../control.ts';
import { defineModule } from '../define.ts';
import { IncludeVarsSchema } from './schema.ts';

export const includeVars = defineModule({
  name: 'include_vars',
  summary: 'Read variables from files while the play runs',
  description: 'Use `vars_files` or `group_vars` where the file does not depend on the host: those are checked before the run.',
  args: IncludeVarsSchema,
  freeForm: 'file',
  examples: [{ title: 'By release', yaml: 'include_vars:\n  file: "{{ ansible_distribution_release }}.yml"\n' }],
  plan: () => engineOnly('include_vars'),
});
