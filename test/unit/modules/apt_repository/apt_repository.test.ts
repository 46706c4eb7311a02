import { aptRepositoryModule } from '../../../../src/modules/apt_repository/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(aptRepositoryModule, import.meta.url);
