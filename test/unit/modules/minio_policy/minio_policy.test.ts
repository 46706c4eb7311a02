import { minioPolicy } from '../../../../src/modules/minio_policy/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioPolicy, import.meta.url);
