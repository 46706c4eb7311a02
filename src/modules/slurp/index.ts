import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { ok } from '../../host/plan.ts';
import { failure } from '../../support/diagnostic.ts';
import { AbsolutePath } from '../arguments.ts';
import { contentOf, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

export const SlurpArgs = z.strictObject({
  src: AbsolutePath.optional().describe('The file to read, at most 1 MiB (also written `path`)'),
  path: AbsolutePath.optional().describe('Same as `src`'),
}).superRefine((args, context) => {
  if ((args.src === undefined) === (args.path === undefined)) context.addIssue({ code: 'custom', path: ['src'], message: 'is needed, once: give `src` (or its other name `path`)' });
});

export const slurp = defineModule({
  name: 'slurp',
  summary: 'Read a small file of the host, for `register`',
  description: 'Never a change. In check mode the answer is what earlier tasks of the run would have put there. Larger files are for `fetch`.',
  args: SlurpArgs,
  examples: [{ title: 'Read a key', yaml: 'slurp:\n  src: /etc/ssh/ssh_host_ed25519_key.pub\nregister: host_key' }],
  returns: { content: 'The bytes in base64', encoding: '`base64`', source: 'The path' },
  queries: (args) => [content(args.src ?? args.path ?? '/')],
  plan: (args, host) =>
    planning(() => {
      const path = args.src ?? args.path ?? '/';
      const because = host.touched(content(path));
      if (because !== undefined) return { type: 'unknown', because: `what ${path} holds is unknown ${because}` };
      const bytes = contentOf(host, path);
      if (bytes === null) throw failure('absent', `there is no regular file ${path}`);
      if (!Buffer.isBuffer(bytes)) throw failure('too-large', `${path} is larger than 1 MiB`, { remedy: 'use `fetch`' });
      return ok({ content: bytes.toString('base64'), encoding: 'base64', source: path });
    }),
});
