import { minioUser } from '../../../../src/modules/minio_user/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioUser, import.meta.url);
