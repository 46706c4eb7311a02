/** What operations read of an inventory, whatever the service: its hosts by group, and how each is reached. Touches no host. */
import { refuseAbsentInventories } from '../language/inventory/absent.ts';
import { loadInventory, type Inventory } from '../language/inventory/index.ts';
import { inventorySecrets } from '../language/secrets/index.ts';
import type { Scope } from '../language/scope-types.ts';
import { connectionTarget } from '../run/connection-target.ts';
import { optionalSecret, optionalText } from '../run/identity.ts';
import { Variables } from '../run/variables.ts';
import { badInput } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Secret } from '../support/secret.ts';
import type { ValueMap } from '../support/value.ts';
import type { Become, ConnectionTarget } from '../transport/types.ts';

export interface ClusterHost {
  /** Inventory name, which is the member's name in Patroni too. */
  readonly name: string;
  readonly target: ConnectionTarget;
  /** As whom its commands run: root, however the login is made. */
  readonly become: Become;
  /** Where clients and other members reach it. */
  readonly address: string;
  readonly site: string | undefined;
  /** `drills: allowed` in the inventory. */
  readonly drillsAllowed: boolean;
  /** Its address in the lab's network; undefined for a host that is no lab host. */
  readonly labAddress: string | undefined;
}

export interface ClusterRequest {
  /** Inventory files or directories. */
  readonly inventory: readonly string[];
  readonly extraVars: ValueMap;
  /** Asked for with --ask-become-pass. */
  readonly becomePassword?: Secret | undefined;
}

/** The hosts that a service runs on. */
export interface ServiceGroup {
  /** In the order of the group; one at least. */
  readonly names: readonly string[];
  /** Variables of the first: what is said of the service as a whole is the same on all of them. */
  readonly scope: Scope;
  /** Hosts of another group; none when the inventory has no such group. */
  readonly hostsOf: (group: string) => readonly string[];
  /** @param addressVariable says where the service is on that host; without it where the host is reached itself */
  readonly host: (name: string, addressVariable: string) => ClusterHost;
}

export interface GroupWanted {
  readonly group: string;
  /** Code of the diagnostic when no host is in the group. */
  readonly absent: string;
  /** Such as `the hosts of the cluster`. */
  readonly what: string;
}

/**
 * Reads an inventory for the hosts of one service.
 *
 * @throws Diagnostic (bad input) when there is no such inventory, or no host in the group
 */
export function readServiceGroup(request: ClusterRequest, { group, absent, what }: GroupWanted): ServiceGroup {
  refuseAbsentInventories(request.inventory);
  const secrets = inventorySecrets(request.inventory);
  const inventory = loadInventory(request.inventory, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: request.extraVars, mode: 'verify', diff: false, decrypt: secrets.decrypt });
  const names = hostsOf(inventory, group);
  const [first] = names;
  if (first === undefined) throw badInput(absent, `no host of this inventory is in the group ${group}`, { remedy: suggestion(group, inventory.groups()) ?? `put ${what} into the group ${group}` });
  return {
    names,
    scope: variables.hostScope(first),
    hostsOf: (other) => hostsOf(inventory, other),
    host: (name, addressVariable) => clusterHost(name, variables.hostScope(name), addressVariable, request.becomePassword),
  };
}

/** A TCP port among the variables. @throws Diagnostic (bad input) when it is none */
export function portOf(scope: Scope, name: string, standard: number): number {
  const value = Number(optionalText(scope, name) ?? standard);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw badInput('bad-port', `${name} must be a port number`);
  return value;
}

/** Each host once, in the order of its first mention. */
export function eachOnce(hosts: readonly ClusterHost[]): readonly ClusterHost[] {
  return hosts.filter((host, i) => hosts.findIndex((other) => other.name === host.name) === i);
}

function hostsOf(inventory: Inventory, group: string): readonly string[] {
  return inventory.groups().includes(group) ? inventory.hostsOfGroup(group) : [];
}

function clusterHost(name: string, scope: Scope, addressVariable: string, asked: Secret | undefined): ClusterHost {
  const target = connectionTarget(name, scope);
  const labAddress = optionalText(scope, 'lab_address');
  return {
    name,
    target,
    become: { user: 'root', password: asked ?? optionalSecret(scope, ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass']) },
    address: optionalText(scope, addressVariable) ?? labAddress ?? target.address,
    site: optionalText(scope, 'site'),
    drillsAllowed: optionalText(scope, 'drills') === 'allowed',
    labAddress,
  };
}
