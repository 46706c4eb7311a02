import { kernelModuleModule } from '../../../../src/modules/kernel_module/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(kernelModuleModule, import.meta.url);
