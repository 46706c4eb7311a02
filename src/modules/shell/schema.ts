import { z } from 'zod';
import { AbsolutePath, SecretText } from '../arguments.ts';
import { guardArguments } from '../command/guards.ts';
import { stdinArguments } from '../command/schema.ts';

export const ShellArguments = z.strictObject({
  cmd: SecretText.describe('Text for the shell; may be many lines'),
  executable: AbsolutePath.default('/bin/sh').describe('The shell that reads it'),
  ...guardArguments,
  ...stdinArguments,
});
