import { sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { resolveDestination } from '../common/destination.ts';
import { planning } from '../common/look.ts';
import { putFile } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { TemplateArgs } from './schema.ts';

/** The name that a rendered template has in a directory: its own, without `.hbs`. */
function renderedName(src: string): string {
  return baseName(src).replace(/\.hbs$/, '');
}

function plan(host: HostView, args: TemplateArgs): Plan {
  const text = host.render(args.src);
  const to = resolveDestination(host, args.dest, renderedName(args.src), { owner: args.owner, group: args.group });
  const change = putFile(host, {
    path: to.path,
    source: { type: 'text', text },
    attributes: { mode: args.mode, owner: args.owner, group: args.group },
    follow: args.follow,
    force: args.force,
    backup: args.backup,
    validate: args.validate,
    ...(to.parent === undefined ? {} : { parent: to.parent }),
  });
  return converge(change === undefined ? to.changes : [...to.changes, change], { dest: to.path });
}

export const template = defineModule({
  name: 'template',
  summary: 'Put a rendered Handlebars template on the host',
  description: `Renders a template of the role's \`templates/\` with the task's variables and puts the result in place as
\`copy\` does. A secret used in the template makes the whole result a secret: the diff is masked and a new file without
\`mode\` gets 0600.

Differs from Ansible's: templates are Handlebars; in a directory \`dest\` the file's name loses \`.hbs\`.`,
  args: TemplateArgs,
  examples: [{ title: 'A configuration file, checked before it is put in place', yaml: 'template:\n  src: sshd_config.hbs\n  dest: /etc/ssh/sshd_config\n  mode: "0600"\n  validate: sshd -t -f %s\n  backup: true' }],
  returns: { dest: 'Where the file is' },
  queries(args) {
    const path = args.dest.inside ? joinPath(args.dest.path, renderedName(args.src)) : args.dest.path;
    return [stat(path), sha256(path), statFollow(args.dest.path), statFollow(parentOf(path))];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});
