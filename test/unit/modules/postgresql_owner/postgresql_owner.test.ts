import { postgresqlOwner } from '../../../../src/modules/postgresql_owner/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlOwner, import.meta.url);
