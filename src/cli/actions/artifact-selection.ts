/** Which artefacts a command means. */
import { platformsOf, type Artifact, type Catalogue, type Platform } from '../../artifacts/catalogue.ts';
import { wantingOf, wantingOfTask, type Wanting } from '../../artifacts/fetch-all.ts';
import { loadCatalogue } from '../../language/artifact-catalogue.ts';
import { throwProblems } from '../../language/playbook/role-spec.ts';
import { artifactNeeds } from '../../run/artifact-needs.ts';
import { loadProject } from '../../run/load.ts';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { SelectionFlags } from '../commands/artifacts.ts';

/** Artefacts by `name` or `name@version`; all when no name is given. @throws Diagnostic for a name that is not there */
export function namedArtifacts(catalogue: Catalogue, names: readonly string[]): readonly Artifact[] {
  if (names.length === 0) return catalogue.artifacts;
  const found = names.flatMap((text) => {
    const [name = '', version] = text.split('@');
    const matching = catalogue.artifacts.filter((each) => each.name === name && (version === undefined || each.version === version));
    if (matching.length > 0) return matching;
    const versions = catalogue.artifacts.filter((each) => each.name === name).map((each) => `${each.name}@${each.version}`);
    throw badInput('unknown-artifact', `artifacts.yml has no ${text}`, { remedy: versions.length > 0 ? `known are: ${versions.join(', ')}` : suggestion(name, new Set(catalogue.artifacts.map((each) => each.name))) });
  });
  return [...new Set(found)];
}

/** What is locked, or, of what is made here, what was asked for: making it is how its digest comes to be known. */
function platformsFor(artifact: Artifact, platforms: readonly Platform[]): readonly Platform[] {
  if (platforms.length === 0) return platformsOf(artifact).length === 0 && artifact.source !== 'url' ? ['linux/amd64'] : platformsOf(artifact);
  return artifact.source !== 'url' ? platforms : platforms.filter((platform) => artifact.sha256[platform] !== undefined);
}

/** What an inventory's playbooks will install. @throws Diagnostic or DiagnosticList for what is wrong in them */
function neededBy(flags: SelectionFlags): readonly Wanting[] {
  const loaded = loadProject({ inventory: flags.inventory, playbooks: flags.playbook, mode: 'apply' });
  const { needs, problems } = artifactNeeds(loaded, { extraVars: {}, limit: undefined, tags: [], skipTags: [], startAtTask: undefined });
  throwProblems(problems);
  return needs.map(({ artifact, platform, title, sha256, url }) => (artifact === undefined || platform === undefined ? wantingOfTask(title, sha256, url) : wantingOf(artifact, platform)));
}

/** @throws Diagnostic `usage` when nothing says which */
export function selectArtifacts(names: readonly string[], flags: SelectionFlags): readonly Wanting[] {
  if (names.length === 0 && flags.all !== true) {
    if (flags.inventory.length > 0) return neededBy(flags).filter(({ platform }) => flags.platform.length === 0 || platform === undefined || flags.platform.includes(platform));
    throw new Diagnostic({ kind: 'usage', code: 'no-artifacts', summary: 'which artefacts?', remedy: 'name them, or give -i INVENTORY for what its playbooks need, or --all' });
  }
  const artifacts = namedArtifacts(loadCatalogue(flags.inventory), names);
  const wanted = artifacts.flatMap((artifact) => platformsFor(artifact, flags.platform).map((platform) => wantingOf(artifact, platform)));
  if (wanted.length === 0) throw badInput('artifact-not-locked', `none of ${artifacts.map((a) => `${a.name}@${a.version}`).join(', ')} has a sha256 for ${flags.platform.join(', ')}`, { remedy: 'put it into artifacts.yml, from a source that you trust' });
  return wanted;
}
