import { z } from 'zod';
import { guardArguments } from '../command/guards.ts';
import { stdinArguments } from '../command/schema.ts';
import { splitWords } from '../command/split.ts';

export const ScriptArguments = z
  .strictObject({
    cmd: z
      .string({ error: 'must be text without a secret: use stdin or the environment keyword for secrets' })
      .min(1)
      .describe('Path of a script on the controller (looked up in the role\'s files/), and its arguments'),
    executable: z.string().min(1).optional().describe('Interpreter; default: the one of the script\'s #! line, else /bin/sh'),
    ...guardArguments,
    ...stdinArguments,
  })
  .superRefine((args, context) => {
    const words = splitWords(args.cmd);
    if ('problem' in words) context.addIssue({ code: 'custom', path: ['cmd'], message: words.problem });
    else if (words.length === 0) context.addIssue({ code: 'custom', path: ['cmd'], message: 'names no script' });
  });
