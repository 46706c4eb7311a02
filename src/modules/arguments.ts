/** Argument types that many modules share, so that one rule has one wording. */
import { z } from 'zod';
import { Secret } from '../support/secret.ts';

/** An absolute POSIX path without NUL, newline, `.` or `..` parts; a trailing slash is dropped. */
export const AbsolutePath = z
  .string()
  .refine((p) => p.startsWith('/'), 'must be an absolute path')
  .refine((p) => !/[\0\n]/.test(p), 'must not hold a NUL or a newline')
  .refine((p) => !p.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or .. parts')
  .transform((p) => (p === '/' ? p : p.replace(/\/+$/, '').replaceAll(/\/{2,}/g, '/')));

/** File mode as a quoted octal string; normalised to four digits, e.g. `0644`, `2755`. */
export const Mode = z
  .string({ error: 'must be a quoted octal string such as "0644" (YAML reads 0644 without quotes as a number)' })
  .regex(/^0?[0-7]{3,4}$/, 'must be an octal mode of 3 or 4 digits such as "0644"')
  .transform((m) => m.slice(-4).padStart(4, '0'));

/** A user or group name as useradd(8) takes it, or a numeric id as text. */
export const AccountName = z
  .union([z.string(), z.int().nonnegative()])
  .transform(String)
  .refine((n) => /^([a-z_][a-z0-9_.-]*\$?|[0-9]+)$/i.test(n) && n.length <= 32, 'must be a user or group name (letters, digits, _ . -) or a numeric id');

/** As inventories write it; whether it is a network at all is for who reckons with it (common/ipv4.ts). */
export const Ipv4Network = z.string().regex(/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/, 'must be an IPv4 network, such as 10.244.0.0/16');

/** Text that may be a secret. */
export const SecretText = z.union([z.string(), z.instanceof(Secret)]);

/** One string or a list of them; always a list afterwards. */
export const StringList = z.union([z.string(), z.array(z.string())]).transform((v) => (typeof v === 'string' ? [v] : v));
