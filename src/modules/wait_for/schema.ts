import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

export const WaitForSchema = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Name or address to connect to, as the host sees it'),
    port: z.int().min(1).max(65_535).optional().describe('TCP port to wait for'),
    path: AbsolutePath.optional().describe('Path to wait for, in place of a port'),
    search_regex: z.string().min(1).optional().describe('Wait until this (RE2, multi-line) is found in the file, or in what the port sends'),
    state: z
      .enum(['started', 'present', 'stopped', 'absent'])
      .default('started')
      .describe('started and present: until it is there; stopped and absent: until it is gone'),
    timeout: z.number().positive().max(86_400).default(300).describe('Seconds to wait at most'),
    delay: z.number().min(0).max(3600).default(0).describe('Seconds before the first look'),
    sleep: z.number().positive().max(600).default(1).describe('Seconds between looks'),
    connect_timeout: z.number().positive().max(300).default(5).describe('Seconds that one connection may take'),
    msg: z.string().optional().describe('What to say when it did not happen in time'),
  })
  .refine((args) => (args.port === undefined) !== (args.path === undefined), 'give either port or path')
  .refine((args) => args.search_regex === undefined || args.state === 'started' || args.state === 'present', {
    path: ['search_regex'],
    message: 'goes with state started or present only',
  });
