import { postgresqlTablePartition } from '../../../../src/modules/postgresql_table_partition/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlTablePartition, import.meta.url);
