/** The beds that a lab's hosts can be in. */
export const DRIVERS = ['container', 'vm'] as const;
export type DriverName = (typeof DRIVERS)[number];
