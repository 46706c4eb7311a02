import { postgresqlPrivs } from '../../../../src/modules/postgresql_privs/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlPrivs, import.meta.url);
