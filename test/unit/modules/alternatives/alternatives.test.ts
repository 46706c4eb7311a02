import { alternativesModule } from '../../../../src/modules/alternatives/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(alternativesModule, import.meta.url);
