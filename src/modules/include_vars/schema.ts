import { z } from 'zod';

export const IncludeVarsSchema = z
  .strictObject({
    file: z.string().min(1).optional().describe('YAML file on the controller, looked up in the role\'s vars/ and beside the playbook'),
    dir: z.string().min(1).optional().describe('Directory whose *.yml and *.yaml files are read in the order of their names'),
    name: z.string().regex(/^[A-Za-z_]\w*$/).optional().describe('Variable to put everything under; default: each variable by its own name'),
  })
  .refine((args) => (args.file === undefined) !== (args.dir === undefined), 'give either file or dir');
