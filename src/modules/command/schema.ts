import { z } from 'zod';
import { SecretText } from '../arguments.ts';
import { guardArguments } from './guards.ts';
import { splitWords } from './split.ts';

/** Free-form `key=value` words that Ansible takes out of the line; here they are refused, not guessed at. */
const OLD_STYLE = /^(chdir|creates|removes|executable|stdin|warn)=/;

const NO_SECRET = 'must be text without a secret: argument lists can be seen by every user of the host; use stdin or the environment keyword';
const Word = z.union([z.string(), z.int(), z.boolean()], { error: NO_SECRET }).transform(String);

export const stdinArguments = {
  stdin: SecretText.optional().describe('Text for its standard input; default: nothing to read'),
  stdin_add_newline: z.boolean().default(true).describe('Put a newline after stdin'),
};

export const CommandArguments = z
  .strictObject({
    cmd: z.string({ error: NO_SECRET }).min(1).optional().describe('The command line, split into words as sh splits them, with nothing expanded'),
    argv: z.array(Word).min(1).optional().describe('The command as a list of words, in place of cmd'),
    ...guardArguments,
    ...stdinArguments,
  })
  .superRefine((args, context) => {
    if ((args.cmd === undefined) === (args.argv === undefined)) {
      context.addIssue({ code: 'custom', message: 'give the command either as cmd or as argv' });
      return;
    }
    if (args.cmd === undefined) return;
    const words = splitWords(args.cmd);
    if ('problem' in words) context.addIssue({ code: 'custom', path: ['cmd'], message: words.problem });
    else if (words.length === 0) context.addIssue({ code: 'custom', path: ['cmd'], message: 'holds no words' });
    else {
      const old = words.find((w) => OLD_STYLE.test(w));
      if (old !== undefined) context.addIssue({ code: 'custom', path: ['cmd'], message: `write ${old.slice(0, old.indexOf('='))}: as an argument of its own (or use argv when the program is to get ${old})` });
    }
  });
