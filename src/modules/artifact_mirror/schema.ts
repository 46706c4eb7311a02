import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

export const ArtifactMirrorArgs = z.strictObject({
  path: AbsolutePath.describe('The directory that the mirror serves, on the host; it must be there'),
  timeout: z.int().positive().default(600).describe('Seconds for one file: for its download by the controller, and again for its way to the host'),
});
export type ArtifactMirrorArgs = z.output<typeof ArtifactMirrorArgs>;
