/**
 * Which failures a rescue took care of. A task is reported as failed when it fails; whether its block rescues it is known only by
 * the counts of the summary. A host's last failures are those that count, for after one that nobody rescues the host's tasks end.
 *
 * @param failures of any hosts, in the order in which they came
 * @param failedOf how many failures of a host count by the summary; undefined: not known, all do
 * @returns those that were rescued
 */
export function rescuedFailures<T>(failures: readonly T[], hostOf: (failure: T) => string, failedOf: (host: string) => number | undefined): ReadonlySet<T> {
  const left = new Map<string, number>();
  for (const failure of failures) left.set(hostOf(failure), (left.get(hostOf(failure)) ?? 0) + 1);
  return new Set(
    failures.filter((failure) => {
      const host = hostOf(failure);
      const remaining = left.get(host) ?? 0;
      left.set(host, remaining - 1);
      return remaining > (failedOf(host) ?? Infinity);
    }),
  );
}
