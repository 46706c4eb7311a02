/** Throw-away stand-ins for bare-metal hosts: what the command line, tests, drills and benchmarks use of the lab. */
export { execArguments, labExec, labHost, labStatus, listLabs, openLab, sshArguments, type ExecOptions, type HostStatus, type Lab, type LabStatus } from './access.ts';
export { containerSpec, dockerCreateArguments, type ContainerSpec } from './container.ts';
export { startDelayProxy, type DelayProxy, type DelayProxyOptions, type ProxyStats } from './delay-proxy.ts';
export { labDown, type LabDownOptions } from './down.ts';
export { type StartContainer } from './hosts.ts';
export { ensureImage, type ImageOptions } from './image.ts';
export { LOGIN_USER, PASSWORD_USER, RELEASES, SEED_DIRECTORY, type Release } from './image-recipe.ts';
export type { SeedFile } from './keys.ts';
export { ownerOf } from './owner.ts';
export { labPower, type LabPower } from './power.ts';
export { readProxyStats } from './proxy-process.ts';
export { DEFAULT_LAB, DEFAULT_PREFIX, generateHosts, type HostSpec } from './spec.ts';
export type { LabHost, LabPaths, LabState } from './state.ts';
export { sweep } from './sweep.ts';
export { defaultInventoryFile, labUp, type LabUpOptions } from './up.ts';
