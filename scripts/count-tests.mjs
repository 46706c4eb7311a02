/**
 * Sums vitest's JSON reports, and the checks beside them, into the closing line of scripts/test, with a line for each test that was
 * skipped or failed before it.
 *
 *     count-tests.mjs REPORT.json:STATUS… [--checks PASSED FAILED]
 *
 * STATUS is the exit status of the run. A report that is missing, and a run that failed without a failed test (a
 * file that could not be loaded, an error outside of tests, no test at all), count as one failure each. Exit
 * status 1 when anything failed, or nothing was run.
 */
import { readFileSync } from 'node:fs';

const args = process.argv.slice(2);
let [passed, failed, skipped] = [0, 0, 0];
while (args.length > 0) {
  const word = args.shift();
  if (word === '--checks') {
    passed += Number(args.shift());
    failed += Number(args.shift());
    continue;
  }
  const [path, status] = word.split(':');
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.log(`no report of a test run: ${path}`);
    failed += 1;
    continue;
  }
  passed += report.numPassedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  failed += report.numFailedTests;
  if ((report.success !== true || status !== '0') && report.numFailedTests === 0) {
    console.log(`a test run failed outside of its tests: ${path}`);
    failed += 1;
  }
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'pending' || test.status === 'skipped') console.log(`skipped: ${test.fullName}`);
      if (test.status === 'failed') console.log(`failed: ${test.fullName}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
