/** The keywords of plays, blocks, tasks and roles, with their types: the one list that parsing, errors and editor schemas share. */
import { z } from 'zod';

const templateText = z.string().regex(/\{\{/, 'must be a template');
const bool = z.union([z.boolean({ error: 'must be true or false' }), templateText]);
const seconds = z.union([z.number().nonnegative(), templateText]);
const condition = z.union([z.boolean(), z.string(), z.array(z.union([z.boolean(), z.string()]))]);
const names = z.union([z.string(), z.array(z.string())]);
const variables = z.record(z.string(), z.unknown());

/** Keywords that plays hand down to blocks and blocks to tasks. */
const inherited = {
  name: z.string().describe('What the play, block or task is for; shown in output'),
  become: bool.describe('Run as another user'),
  become_user: z.string().describe('The user to become; default root'),
  become_method: z.literal('sudo').describe('Only sudo is supported'),
  when: condition.describe('CEL condition, or a list of which all must hold'),
  tags: names.describe('Words that --tags and --skip-tags select by'),
  vars: variables.describe('Variables'),
  environment: z.union([variables, z.array(variables)]).describe('Environment variables of the scripts'),
  ignore_errors: bool.describe('Go on with this host when the task fails'),
  ignore_unreachable: bool.describe('Go on with this host when it cannot be reached'),
  check_mode: bool.describe('false: run also in check mode; true: only predict also in apply'),
  diff: bool.describe('Show differences'),
  no_log: bool.describe('Show neither arguments, results nor differences'),
  run_once: bool.describe('Only the first host of the batch runs it; all hosts get the result'),
  throttle: z.union([z.int().nonnegative(), templateText]).describe('Hosts that run it at the same time'),
  timeout: seconds.describe('Seconds that one script may take'),
  any_errors_fatal: bool.describe('A failure on one host ends the play for all'),
  delegate_to: z.string().describe('Run on this host instead, with the variables of the original one'),
} as const;

const loopControl = z.strictObject({
  loop_var: z.string().optional().describe('Name of the variable that holds the item; default item'),
  index_var: z.string().optional().describe('Name of a variable that counts items from 0'),
  label: z.string().optional().describe('What to show for an item'),
  pause: z.number().nonnegative().optional().describe('Seconds between items'),
  extended: z.boolean().optional().describe('Set ansible_loop (first, last, index …)'),
});

export const PLAY_KEYWORDS = {
  ...inherited,
  hosts: names.describe('Host pattern'),
  gather_facts: z.boolean().describe('Kept for compatibility: base facts are always known and cost no round trip of their own'),
  strategy: z.enum(['free', 'host_pinned', 'linear']).describe('linear: all hosts do one task before any does the next'),
  serial: z.union([z.int().positive(), z.string(), z.array(z.union([z.int().positive(), z.string()]))]).describe('Hosts at a time: a number, a percentage, or a list of them'),
  max_fail_percentage: z.number().min(0).max(100).describe('End the play when more than this share of a batch has failed'),
  force_handlers: z.boolean().describe('Run notified handlers also on hosts that failed, and on all others when the play is ended for all'),
  vars_files: z.array(z.string()).describe('Files of variables'),
  pre_tasks: z.array(z.unknown()).describe('Tasks before the roles'),
  roles: z.array(z.unknown()).describe('Roles, in order'),
  tasks: z.array(z.unknown()).describe('Tasks after the roles'),
  post_tasks: z.array(z.unknown()).describe('Tasks at the end'),
  handlers: z.array(z.unknown()).describe('Tasks that run when notified'),
  remote_user: z.string().describe('Login user; the inventory\'s ansible_user wins'),
  port: z.int().describe('SSH port; the inventory\'s ansible_port wins'),
} as const;

export const TASK_KEYWORDS = {
  ...inherited,
  loop: z.union([z.array(z.unknown()), z.string()]).describe('A list, or a template that gives one: the task runs for each item'),
  loop_control: loopControl.describe('How the loop names and shows its items'),
  register: z.string().regex(/^[A-Za-z_]\w*$/, 'must be a variable name').describe('Variable that receives the result'),
  changed_when: condition.describe('When the task counts as changed'),
  failed_when: condition.describe('When the task counts as failed'),
  until: z.string().describe('Repeat until this CEL condition on the registered result holds'),
  retries: z.union([z.int().nonnegative(), templateText]).describe('Attempts with until; default 3'),
  delay: seconds.describe('Seconds between attempts; default 5'),
  notify: names.describe('Handlers to run at the end of the section when this task has changed something'),
  args: variables.describe('More arguments of the module'),
} as const;

export const HANDLER_KEYWORDS = {
  ...TASK_KEYWORDS,
  listen: names.describe('Further names this handler answers to'),
} as const;

export const BLOCK_KEYWORDS = {
  ...inherited,
  block: z.array(z.unknown()).describe('Tasks'),
  rescue: z.array(z.unknown()).describe('Tasks that run when one of the block has failed'),
  always: z.array(z.unknown()).describe('Tasks that run in any case'),
  notify: names.describe('Handlers to run when a task of the block has changed something'),
} as const;

export const ROLE_USE_KEYWORDS = {
  role: z.string().describe('Name of the role'),
  name: z.string().describe('Same as role'),
  vars: variables.describe('Options of the role'),
  tags: inherited.tags,
  when: inherited.when,
  become: inherited.become,
  become_user: inherited.become_user,
  environment: inherited.environment,
} as const;

/** Words of Ansible that mean something there and are answered here with what to write instead. */
export const REPLACED_KEYWORDS: Readonly<Record<string, string>> = {
  with_items: 'use loop',
  with_dict: 'use loop with a list of {key, value} (helper dict_to_items)',
  with_fileglob: 'use the find module on the host, or list the files in loop',
  with_together: 'use loop over a list of maps',
  with_subelements: 'use loop over a list of maps',
  with_sequence: 'use loop: "{{ range 1 5 }}"',
  async: 'every script is bounded by timeout; there is no background task',
  poll: 'every script is bounded by timeout; there is no background task',
  local_action: 'use delegate_to: localhost',
  action: 'write the module name as the key',
  connection: 'set ansible_connection in the inventory',
  collections: 'modules are part of the program',
  vars_prompt: 'use --extra-vars or !secret values',
  become_flags: 'not supported',
  delegate_facts: 'not supported: facts belong to the delegated host',
};
