/** Arguments of `postgresql_db`: those of Ansible's module, but for dump, restore and rename; `configuration` is new. */
import { z } from 'zod';
import { loginFields, SqlName } from '../common/postgres/login.ts';
import { WishedSettings } from '../common/postgres/settings.ts';

const Locale = z.string().regex(/^[A-Za-z0-9_.@-]+$/, 'must be the name of a locale such as C.UTF-8');

export const DbArgs = z.strictObject({
  name: SqlName.describe('The database'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
  owner: SqlName.optional().describe('Its owner, a role that exists; default for a new one: who logs in'),
  template: SqlName.optional().describe('What a new one is copied from; default template1, or template0 when encoding or locale are given'),
  encoding: z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be the name of an encoding such as UTF8').optional().describe('Encoding of a new one; one that is there with another is refused'),
  lc_collate: Locale.optional().describe('Order of text in a new one; one that is there with another is refused'),
  lc_ctype: Locale.optional().describe('Classes of characters in a new one; one that is there with another is refused'),
  tablespace: SqlName.optional().describe('Tablespace of a new one; one that is there in another is refused, since moving it copies every file'),
  conn_limit: z.int().min(-1).optional().describe('Connections at most; -1 for no limit'),
  configuration: WishedSettings.default({}).describe('Settings of sessions in it (ALTER DATABASE … SET), as for postgresql_user: `{search_path: public}`'),
  reset_unspecified_configuration: z.boolean().default(false).describe('Take settings away that `configuration` does not name'),
  comment: z.string().optional().describe('Its comment; empty for none'),
  force: z.boolean().default(false).describe('With `absent`: end the sessions of others first (DROP DATABASE … WITH (FORCE))'),
  drop_with_tables: z.boolean().default(false).describe('With `absent`: allow it although there are tables in it'),
  maintenance_db: SqlName.default('postgres').describe('The database to log in to meanwhile'),
  ...loginFields,
});
export type DbArgs = z.output<typeof DbArgs>;
