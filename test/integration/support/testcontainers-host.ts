/**
 * Lab hosts made by testcontainers instead of the docker command line: same image, same options, same
 * seed files. Its reaper needs an image from a registry, so it stays off; labels and owners do its work.
 */
import { GenericContainer } from 'testcontainers';
import { SEED_DIRECTORY, type ContainerSpec, type SeedFile, type StartContainer } from '../../../src/lab/index.ts';

class LabHostContainer extends GenericContainer {
  constructor(spec: ContainerSpec, seed: readonly SeedFile[]) {
    super(spec.image);
    this.withName(spec.name)
      .withHostname(spec.hostname)
      .withLabels({ ...spec.labels })
      .withAddedCapabilities(...spec.capAdd)
      .withDroppedCapabilities(...spec.capDrop)
      .withSecurityOpt(...spec.securityOpt)
      .withTmpFs({ ...spec.tmpfs })
      .withCommand([...spec.command])
      .withNetworkMode(spec.network)
      .withAutoCleanup(false)
      .withAutoRemove(false)
      .withCopyContentToContainer(seed.map((file) => ({ content: file.text, target: `${SEED_DIRECTORY}/seed/${file.name}`, mode: 0o600 })));
    // What its builder has no words for.
    if (spec.devices.length + spec.volumes.length > 0) throw new Error('hosts that run containers are made by the docker command line');
    Object.assign(this.hostConfig, { CgroupnsMode: spec.cgroupns }); // Missing from dockerode's types.
    this.hostConfig.RestartPolicy = { Name: spec.restart };
    this.createOpts.StopSignal = spec.stopSignal;
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [spec.network]: { IPAMConfig: { IPv4Address: spec.address }, Aliases: [spec.hostname] } } };
  }
}

/** Makes and starts a lab host; waiting for it is the lab's own work. */
export const startWithTestcontainers: StartContainer = async (spec, seed) => {
  await new LabHostContainer(spec, seed).start();
};
