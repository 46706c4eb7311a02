import { minioServiceAccount } from '../../../../src/modules/minio_service_account/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioServiceAccount, import.meta.url);
