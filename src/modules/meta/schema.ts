import { z } from 'zod';

export const MetaSchema = z.strictObject({
  free_form: z
    .enum(['flush_handlers', 'barrier', 'end_play', 'end_host', 'clear_host_errors', 'noop'])
    .describe(
      'flush_handlers: run what was notified now; barrier: wait for all hosts of the play; end_play: end it for all hosts; end_host: for this one; clear_host_errors: take failed hosts back in; noop: nothing',
    ),
});
