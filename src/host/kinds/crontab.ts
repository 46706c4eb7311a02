/** Users' crontabs, as crontab(1) prints them. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { section } from './claims.ts';

/** The text, empty when the user has no crontab; undefined when the host has no cron. */
export const crontab = defineQuery<string, string | undefined>({
  name: 'crontab',
  lasting: true,
  id: (user) => user,
  describe: (user) => `crontab of ${user}`,
  probe: (users) =>
    `command -v crontab\nfor u in ${users.map(quote).join(' ')}; do care_mark; if [ "$u" = "$(id -un)" ]; then crontab -l 2>/dev/null </dev/null; else crontab -u "$u" -l 2>/dev/null </dev/null; fi; done`,
  parse: (users, output) => {
    const there = output.head.toString('utf8').trim() !== '';
    return users.map((_, i) => (there ? section(output.sections, i).toString('utf8') : undefined));
  },
  // May hold secrets in its commands.
  show: (text) => (text === undefined ? 'no cron' : `${String(text.split('\n').length - 1)} lines`),
});
