import { minioConfig } from '../../../../src/modules/minio_config/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioConfig, import.meta.url);
