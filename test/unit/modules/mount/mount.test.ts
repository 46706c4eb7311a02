import { mountModule } from '../../../../src/modules/mount/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(mountModule, import.meta.url);
