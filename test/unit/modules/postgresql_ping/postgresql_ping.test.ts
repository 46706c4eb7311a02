import { postgresqlPing } from '../../../../src/modules/postgresql_ping/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlPing, import.meta.url);
