/** Arguments of `rollback`. */
import { z } from 'zod';
import { KEPT_DIRECTORY } from '../../host/keep/script.ts';
import { AbsolutePath } from '../arguments.ts';

/** A run's whole name, as the history lists it. */
export const RUN_NAME = /^[0-9]{8}-[0-9]{6}-[0-9a-f]{6,8}$/;

export const RollbackArgs = z.strictObject({
  run: z.string().regex(RUN_NAME, 'must be the whole name of a run, as care-provision history lists it').describe('The run whose changes are put back'),
  moved: z
    .enum(['refuse', 'leave', 'overwrite'])
    .default('refuse')
    .describe('What has changed since the run, or cannot be told not to have: `refuse` puts nothing back on the host and names it, `leave` puts back the rest, `overwrite` puts that back as well'),
  handlers: z
    .array(z.string())
    .default([])
    .describe('Handlers, as `role : name` or `name`, that later plays of the same run have, and that are noted for them. In place of others the units are restarted or reloaded that they restarted or reloaded in the run'),
  directory: AbsolutePath.default(KEPT_DIRECTORY).describe('Where the host keeps what runs have replaced'),
});
export type RollbackArgs = z.output<typeof RollbackArgs>;
