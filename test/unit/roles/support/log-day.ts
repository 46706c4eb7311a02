/** The name of a day's file of logs, so many days ago: as `date +%F` says it here. */
export function logDay(ago: number): string {
  // Swedish dates are written as ISO 8601 has them.
  return `${new Date(Date.now() - ago * 86_400_000).toLocaleDateString('sv')}.log`;
}
