/** From a name and a version to the one file that may be installed, and why one may not. Pure. */
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import { findArtifact, lifeOf, platformsOf, titleOf, urlOf, type Artifact, type Catalogue, type Platform } from './catalogue.ts';

/** One file, by its digest. */
export interface Locked {
  readonly artifact: Artifact;
  readonly platform: Platform;
  /** `etcd 3.6.14` */
  readonly title: string;
  readonly sha256: string;
  /** Where it can be had; undefined: it is made from what upstream gives, `care-provision artifacts fetch` does that. */
  readonly url: string | undefined;
}

/** @throws Diagnostic bad-input when the catalogue has no such artefact, or no digest for the platform */
export function lockFor(catalogue: Catalogue, name: string, version: string, platform: Platform, span?: Span): Locked {
  const found = findArtifact(catalogue, name, version);
  if (found.type === 'none') throw badInput('unknown-artifact', found.summary, { span, remedy: found.remedy });
  const { artifact } = found;
  const title = titleOf(artifact);
  const sha256 = artifact.sha256[platform];
  if (sha256 === undefined) {
    const locked = platformsOf(artifact);
    throw badInput('artifact-not-locked', `${title} has no sha256 for ${platform} in artifacts.yml, and nothing is installed without`, {
      span,
      detail: locked.length === 0 ? undefined : `it has one for ${locked.join(', ')}`,
      remedy: artifact.source !== 'url' ? `have it and take over the digest that it says: care-provision artifacts fetch ${name}@${version} --platform ${platform}` : 'put it into artifacts.yml in the inventory’s folder, from a source that you trust',
    });
  }
  return { artifact, platform, title, sha256, url: urlOf(artifact, platform) };
}

/** The platform that a host is taken to have before anybody has asked it: the only one that is locked, or Debian's commonest. */
export function likelyPlatform(catalogue: Catalogue, name: string, version: string): Platform {
  const found = findArtifact(catalogue, name, version);
  const platforms = found.type === 'found' ? platformsOf(found.artifact) : [];
  return platforms.length === 1 ? (platforms[0] ?? 'linux/amd64') : 'linux/amd64';
}

/** What is wrong with installing something that gets no more fixes; undefined when it does, when nobody knows, or when the site has accepted it. */
export function refuseEnded(catalogue: Catalogue, artifact: Artifact, today: string, span?: Span): Diagnostic | undefined {
  if (lifeOf(catalogue, artifact, today) !== 'ended') return undefined;
  const accepted = catalogue.accepted.find((each) => each.name === artifact.name && each.version === artifact.version);
  return badInput('artifact-ended', `${titleOf(artifact)} gets no more fixes since ${artifact.end_of_life ?? 'long'}`, {
    span,
    detail: accepted === undefined ? undefined : `it was accepted until ${accepted.until}: ${accepted.reason}`,
    remedy: `take a newer version (care-provision artifacts outdated), or say until when it is accepted, and why, under end_of_life_accepted in artifacts.yml of the inventory`,
  });
}
