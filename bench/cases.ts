/** What is measured, and how often: the slow programs run fewer rounds, or not at all where an hour would not do. */
import type { Tool } from './tools.ts';

export interface Case {
  /** For people and for `--only`. */
  readonly name: string;
  readonly kind: 'converged' | 'drift' | 'first';
  readonly hosts: number;
  /** Through a proxy that emulates 100 ms of round-trip time. */
  readonly far: boolean;
  readonly sizes: readonly ('quick' | 'full')[];
  readonly rounds: Readonly<Partial<Record<Tool, number>>>;
}

export const CASES: readonly Case[] = [
  { name: 'converged-1', kind: 'converged', hosts: 1, far: false, sizes: ['quick', 'full'], rounds: { 'care-provision': 9, floor: 9, connect: 9, 'ansible-tuned': 1, 'ansible-default': 1, mitogen: 3 } },
  { name: 'converged-far', kind: 'converged', hosts: 1, far: true, sizes: ['quick', 'full'], rounds: { 'care-provision': 5, floor: 5, connect: 5, 'ansible-tuned': 1, mitogen: 1 } },
  { name: 'drift-1', kind: 'drift', hosts: 1, far: false, sizes: ['quick', 'full'], rounds: { 'care-provision': 7, floor: 7, 'ansible-tuned': 1, mitogen: 1 } },
  { name: 'first-1', kind: 'first', hosts: 1, far: false, sizes: ['quick', 'full'], rounds: { 'care-provision': 3, floor: 3, 'ansible-tuned': 1, 'ansible-default': 1, mitogen: 1 } },
  { name: 'converged-10', kind: 'converged', hosts: 10, far: false, sizes: ['full'], rounds: { 'care-provision': 5, floor: 5, connect: 5, 'ansible-tuned': 1, mitogen: 1 } },
  { name: 'converged-30', kind: 'converged', hosts: 30, far: false, sizes: ['full'], rounds: { 'care-provision': 5, floor: 5, connect: 5, mitogen: 1 } },
];
